// SPDX-License-Identifier: GPL-2.0-or-later
// Sums and ratios, of each host and of all.
{
  local config = $._config,
  local rate(metric, more='') = 'rate(%s{%s%s}[5m])' % [metric, config.selector, more],
  // Of the openings that were answered by a SYN-ACK, as in oneway_handshake_ack_ratio.
  local outcome(which, without) =
    'sum without (%s) (%s)' % [std.join(', ', without), rate('oneway_handshakes_total', ',outcome' + which)],
  local answered = '=~"completed|one_way|abandoned"',

  prometheusRules+:: {
    groups+: [
      {
        name: 'oneway.records',
        rules: [
          {
            // By the device of the SYN: on a host that answers, the line by which requests come.
            record: 'instance_syn_device:oneway_handshakes_completed:ratio_rate5m',
            expr: '%s\n/ (%s > 0)\n' % [
              outcome('="completed"', ['synack_device', 'outcome']),
              outcome(answered, ['synack_device', 'outcome']),
            ],
          },
          {
            record: 'instance_syn_device_synack_device:oneway_handshakes_one_way:ratio_rate5m',
            expr: '%s\n/ (%s > 0)\n' % [outcome('="one_way"', ['outcome']), outcome(answered, ['outcome'])],
          },
          {
            // Of the flows to a translated service, those that were not answered or whose answer was not acknowledged.
            record: 'instance_address:oneway_conntrack_target_flows_half_open:ratio',
            expr: 'sum without (target, state) (oneway_conntrack_target_flows{%s,state="half_open"})\n'
                  % config.selector
                  + '/ (sum without (target, state) (oneway_conntrack_target_flows{%s}) > 0)\n' % config.selector,
          },
          {
            // Connections to an address of the host itself: how many, since nobody counts those that are well.
            record: 'instance:oneway_syn_recv_unanswered:sum',
            expr: 'sum without (address) (oneway_syn_recv_unanswered{%s})' % config.selector,
          },
          {
            record: 'instance_device:oneway_capture_dropped:ratio_rate5m',
            expr: '%s\n/ (%s > 0)\n' % [rate('oneway_capture_dropped_total'), rate('oneway_capture_packets_total')],
          },
          {
            record: 'job_condition_severity:oneway_findings:sum',
            expr: 'sum without (instance) (oneway_findings{%s})' % config.selector,
          },
          {
            record: 'job_condition_severity:oneway_finding_causes:count',
            expr: 'count without (instance, device, address, origin, cause) (oneway_finding{%s,cause="true"})'
                  % config.selector,
          },
          {
            record: 'job_outcome:oneway_handshakes:rate5m',
            expr: 'sum without (instance, syn_device, synack_device) (%s)' % rate('oneway_handshakes_total'),
          },
          {
            record: 'job_origin_verdict:oneway_service_addresses:sum',
            expr: 'sum without (instance) (oneway_service_addresses{%s})' % config.selector,
          },
          {
            record: 'job:oneway_up:sum',
            expr: 'sum without (instance) (up{%s})' % config.selector,
          },
        ],
      },
    ],
  },
}
