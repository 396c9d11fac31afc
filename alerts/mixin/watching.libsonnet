// SPDX-License-Identifier: GPL-2.0-or-later
// Alerts about the watching itself: what cannot be seen is not thereby well.
{
  local config = $._config,
  local with(metric, more='') = '%s{%s%s}' % [metric, config.selector, more],
  // Counters of what found no place, told apart by a label.
  local omitted(metric, what) =
    'label_replace(increase(%s[15m]) > 0, "omitted", "%s", "", "")' % [with(metric), what],

  local watchingAlert(name, severity, patience, expr, summary, description) = {
    alert: name,
    expr: expr,
    'for': patience,
    labels: { severity: severity },
    annotations: {
      summary: summary,
      description: description,
      runbook_url: config.runbookBase + 'watching.md#' + std.asciiLower(name),
    },
  },

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'oneway.watching',
        rules: [
          watchingAlert(
            'OnewayExporterAbsent',
            'warning',
            config.downFor,
            'absent(%s)' % with('up'),
            'No exporter of oneway is scraped.',
            'Prometheus has no target that fits %s: nothing is watched, and nothing would be found.' % config.selector
          ),
          watchingAlert(
            'OnewayExporterDown',
            'warning',
            config.downFor,
            '%s == 0' % with('up'),
            'An exporter of oneway cannot be scraped.',
            '{{ $labels.instance }} does not answer. Its alerts have ended with its answers: that does not mean that anything is well.'
          ),
          watchingAlert(
            'OnewayCollectorFailing',
            'warning',
            config.failingFor,
            '%s == 0' % with('oneway_scrape_collector_success'),
            'A collector of oneway cannot read what it should.',
            '{{ $labels.instance }}: the collector {{ $labels.collector }} fails. The log of oneway_exporter says once what it lacks.'
          ),
          watchingAlert(
            'OnewayCaptureLosingPackets',
            'warning',
            config.failingFor,
            'instance_device:oneway_capture_dropped:ratio_rate5m%s > %g'
            % ['{%s}' % config.selector, config.captureLossRatio],
            'A capture loses packets before they are read.',
            '{{ $labels.instance }}, device {{ $labels.device }}: {{ $value | humanizePercentage }} of the packets of handshakes '
            + 'are lost, so some of what happens there is not seen.'
          ),
          watchingAlert(
            'OnewayDevicesUnwatched',
            'warning',
            config.blindFor,
            '%s > 0' % with('oneway_capture_devices_unwatched'),
            'Devices that should be captured on are not.',
            '{{ $labels.instance }}: {{ $value }} devices are not captured on (reason: {{ $labels.reason }}).'
          ),
          watchingAlert(
            'OnewayRulesUnread',
            'warning',
            config.blindFor,
            '%s > 0' % with('oneway_nat_rules_unread'),
            'Firewall rules translate to what oneway cannot read.',
            '{{ $labels.instance }}: {{ $value }} rules translate destinations in a way that is not understood, so their services '
            + 'are known only once connections to them were seen.'
          ),
          watchingAlert(
            'OnewayNotJudging',
            'critical',
            '1m',
            'time() - %s > %d' % [with('oneway_last_judgement_timestamp_seconds'), config.judgementAgeSeconds],
            'An exporter of oneway answers, but judges no more.',
            '{{ $labels.instance }}: what it serves is {{ $value | humanizeDuration }} old, so its alerts neither come nor end.'
          ),
          watchingAlert(
            'OnewaySweepOld',
            'warning',
            config.failingFor,
            'time() - %s > %d' % [with('oneway_conntrack_sample_timestamp_seconds'), config.sweepAgeSeconds],
            'The connection tracking table has not been gone through for long.',
            '{{ $labels.instance }}: the last sweep ended {{ $value | humanizeDuration }} ago; translated connections since then '
            + 'are not known.'
          ),
          watchingAlert(
            'OnewayAddressesOmitted',
            'info',
            config.blindFor,
            '%s > 0' % with('oneway_addresses_omitted'),
            'Service addresses are left out of labels.',
            '{{ $labels.instance }}: {{ $value }} service addresses are judged, but not named in metrics; '
            + '--metrics.max-addresses is how many may be.'
          ),
          watchingAlert(
            'OnewayRowsOmitted',
            'info',
            '0s',
            std.join('\nor ', [
              omitted('oneway_conntrack_endpoints_omitted_total', 'endpoints'),
              omitted('oneway_handshake_devices_omitted_total', 'devices'),
              omitted('oneway_handshake_pairs_omitted_total', 'pairs'),
              omitted('oneway_handshake_services_omitted_total', 'services'),
              omitted('oneway_handshakes_evicted_total', 'handshakes'),
              omitted('oneway_device_drops_uncounted_total', 'drops'),
            ]) + '\n',
            'Something was seen that found no place in a bounded table.',
            '{{ $labels.instance }}: about {{ $value | humanize }} {{ $labels.omitted }} within 15 minutes are not counted one by '
            + 'one. What is wrong with them alone is not found.'
          ),
          watchingAlert(
            'OnewayAlertmanagerUnreached',
            'warning',
            config.failingFor,
            '%s > 0' % with('oneway_alertmanager_queue_length'),
            'An Alertmanager takes no alerts from an exporter of oneway.',
            '{{ $labels.instance }}: {{ $value }} alerts wait for {{ $labels.alertmanager }}. The log of oneway_exporter says '
            + 'once why; what Prometheus sends is not affected.'
          ),
          watchingAlert(
            'OnewayHandshakesSampled',
            'info',
            config.blindFor,
            '%s < 1' % with('oneway_handshake_sampling_ratio'),
            'Only a sample of the handshakes is followed.',
            '{{ $labels.instance }}: {{ $value | humanizePercentage }} of the new handshakes are followed and counts are scaled, '
            + 'as under a flood.'
          ),
        ],
      },
    ],
  },
}
