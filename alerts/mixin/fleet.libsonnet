// SPDX-License-Identifier: GPL-2.0-or-later
// All hosts: is anything wrong, where, and who is not watching.
{
  local g = $.grafana,
  local p = $.panels,
  local host = ['job', 'instance'],
  // A host's or line's worst are few, however many hosts there are.
  local worst = 20,

  local now = g.row('Now', [
    g.number(
      'Incidents',
      'Open findings that are causes: what another finding explains is not counted again.',
      'none',
      [g.runbook('README.md', 'Runbooks')],
      g.orZero('count(%s)' % g.of('oneway_finding', 'cause="true"')),
      g.none
    ),
    g.number(
      'Hosts with findings',
      'Hosts on which at least one finding is open.',
      'none',
      [g.runbook('README.md', 'Runbooks')],
      g.orZero('count(%s > 0)' % g.by(host, g.of('oneway_findings'))),
      g.none
    ),
    g.number(
      'Openings that complete',
      'Share of the handshakes that were answered by a SYN-ACK whose acknowledgement came, of all hosts together.',
      'percentunit',
      [g.runbook('handshake_one_way.md')],
      |||
        sum(%s)
        / (sum(%s) > 0)
      ||| % [g.rate('oneway_handshakes_total', 'outcome="completed"'), g.rate('oneway_handshakes_total', p.answered)],
      g.most
    ),
    g.number(
      'Exporters that answer', 'To Prometheus, at its last scrape.', 'none', [g.alert('OnewayExporterAbsent')], 'sum(%s)' % g.of('up'), g.plain
    ),
    g.number(
      'Exporters that say nothing',
      'Exporters that do not answer, or whose last judgement is older than a minute.',
      'none',
      [g.alert('OnewayExporterDown'), g.alert('OnewayNotJudging')],
      g.orZero('count(%s == 0 or %s > %d)' % [g.of('up'), p.judgementAge, $._config.judgementAgeSeconds]),
      g.none
    ),
    g.number(
      'Hosts with blind spots',
      'Hosts on which something is not watched; the table below says what.',
      'none',
      [g.runbook('watching.md')],
      g.orZero('count(%s)' % g.by(host, g.of('oneway_unwatched'))),
      g.gap
    ),
    p.findings(
      'Findings now',
      'One row for each open finding that is a cause. A click on a condition leads to its runbook, on an instance to its dashboard.',
      'cause="true"',
      [24, 8]
    ),
    g.table(
      'Incidents that two hosts show',
      'A server whose clients get no answer, and the gateway by which its replies pass although the requests never did: the route back is wrong on the server, or the requests should come by that gateway.',
      'none',
      [g.runbook('return_path.md')],
      '%sand on (job, instance) %s'
      % [$.returnPathThroughGateway('job=~"$job"', '$__rate_interval'), g.of('oneway_exporter_build_info')],
      ['instance', 'device', 'address', 'job'],
      [g.linked('instance', g.hostOfRow)],
      size=[12, 6],
    ),
    g.matrix(
      'Findings by host and condition',
      'How many findings are open, symptoms among them. Hosts without any are left out.',
      'none',
      [g.runbook('README.md', 'Runbooks'), g.host],
      g.by(['instance', 'condition'], g.of('oneway_findings')) + ' > 0',
      'instance',
      'condition',
      'instance',
      g.some,
      size=[12, 6]
    ),
  ]),

  local time = g.row('Over time', [
    g.lines(
      'Findings by condition',
      'Open findings of all hosts, symptoms among them.',
      'none',
      [g.runbook('README.md', 'Runbooks')],
      [g.query(g.by(['condition'], g.of('oneway_findings')), '{{condition}}')],
      custom=g.stacked
    ),
    g.lines(
      'Changes by host',
      'Rules, routes, devices, addresses, settings and translations that came, went or changed: what preceded a finding?',
      'none',
      [g.host],
      [g.query(g.by(['instance'], g.increase('oneway_changes_total')), '{{instance}}')],
      custom=g.bars
    ),
    g.lines(
      'Openings that complete, by host',
      'Share of the handshakes that were answered by a SYN-ACK whose acknowledgement came.',
      'percentunit',
      [g.runbook('handshake_one_way.md')],
      [g.query(p.completed(['instance']), '{{instance}}')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'One-way openings by host',
      'Handshakes whose SYN was repeated although it was answered.',
      'reqps',
      [g.runbook('handshake_one_way.md')],
      [g.query(g.by(['instance'], g.rate('oneway_handshakes_total', 'outcome="one_way"')), '{{instance}}')]
    ),
    g.lines(
      'Openings by outcome',
      'What became of the TCP handshakes of all hosts.',
      'reqps',
      [g.host],
      [g.query(g.by(['outcome'], g.rate('oneway_handshakes_total')), '{{outcome}}')],
      custom=g.stacked
    ),
    g.lines(
      'Service addresses by verdict',
      'Whether the replies of an address leave by the device by which its requests come, by lookup.',
      'none',
      [g.runbook('reply_wrong_device.md')],
      [g.query(g.by(['verdict'], g.of('oneway_service_addresses')), '{{verdict}}')],
      custom=g.stacked
    ),
  ]),

  local places = g.row('Where it is worst', [
    g.table(
      'Lines by completion',
      'The %d devices of arriving SYNs, of all hosts, with the smallest share of openings that complete, over the time that is shown.' % worst,
      'percentunit',
      [g.runbook('handshake_one_way.md')],
      'bottomk(%d, %s)' % [worst, p.completed(host + ['syn_device'], '$__range')],
      ['instance', 'syn_device', 'job'],
      [
        g.linked('instance', g.hostOfRow),
        g.override('completed', { 'custom.cellOptions': { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' } }),
      ],
      value='completed',
      look=g.most,
      size=[12, 8],
    ),
    g.table(
      'Translated addresses by half-open flows',
      'The %d public addresses with the largest share of flows that were not answered, or whose answer was not acknowledged.' % worst,
      'percentunit',
      [g.runbook('half_open_nat.md')],
      'topk(%d, %s)' % [worst, g.ratio(
        g.by(host + ['address'], g.of('oneway_conntrack_target_flows', 'state="half_open"')),
        g.by(host + ['address'], g.of('oneway_conntrack_target_flows'))
      )],
      ['instance', 'address', 'job'],
      [
        g.linked('instance', g.hostOfRow),
        g.override('half-open', { 'custom.cellOptions': { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' } }),
      ],
      value='half-open',
      look=g.least,
      size=[12, 8],
    ),
    g.matrix(
      'Service addresses by host and verdict',
      'How many addresses there are of each verdict on their reply routes.',
      'none',
      [g.runbook('reply_wrong_device.md'), g.host],
      g.by(['instance', 'verdict'], g.of('oneway_service_addresses')),
      'instance',
      'verdict',
      'instance',
      g.heat,
      size=[24, 8]
    ),
  ]),

  local coverage = g.row('Coverage', [
    p.unwatched(['instance', 'job']),
    p.exporters,
    g.lines(
      'Lost by captures',
      'Share of the packets that passed the capture filter and were lost before they were read.',
      'percentunit',
      [g.alert('OnewayCaptureLosingPackets')],
      [g.query(g.ratio(
        g.by(['instance'], g.rate('oneway_capture_dropped_total')), g.by(['instance'], g.rate('oneway_capture_packets_total'))
      ), '{{instance}}')]
    ),
    g.lines(
      'Age of the last judgement',
      'A host is judged every few seconds; /-/healthy says no after a minute.',
      's',
      [g.alert('OnewayNotJudging')],
      [g.query(g.by(['instance'], p.judgementAge, 'max'), '{{instance}}')]
    ),
  ]),

  grafanaDashboards+:: {
    'oneway-fleet.json': g.dashboard(
      'oneway-fleet',
      'oneway / All hosts',
      'One-way connectivity on all hosts that run oneway_exporter.',
      [now, time, places, coverage],
      p.annotations,
      oneHost=false
    ),
  },
}
