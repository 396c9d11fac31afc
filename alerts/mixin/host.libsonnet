// SPDX-License-Identifier: GPL-2.0-or-later
// One host: what is wrong, what goes through it, and what is not seen.
{
  local g = $.grafana,
  local p = $.panels,
  local runbooks = g.runbook('README.md', 'Runbooks'),
  local oneWay = g.runbook('handshake_one_way.md'),
  local wrongDevice = g.runbook('reply_wrong_device.md'),
  local rpFilter = g.runbook('rp_filter_drops.md'),
  local halfOpen = g.runbook('half_open_nat.md'),
  local losing = g.alert('OnewayCaptureLosingPackets'),
  local pair = ['syn_device', 'synack_device'],

  // Pairs with what was not seen of one of both.
  local pairs(expr) = g.named(g.named(expr, 'syn_device', '(no SYN seen)'), 'synack_device', '(no SYN-ACK seen)'),
  local openings(outcome) = g.by(pair, g.increase('oneway_handshakes_total', outcome, '$__range')),
  local quantile(q) =
    g.query(
      'histogram_quantile(%g, %s)' % [q, g.by(['le', 'device'], g.rate('oneway_handshake_ack_delay_seconds_bucket'))],
      '{{device}} p%g' % (100 * q)
    ),

  local now = g.row('Now', [
    g.number(
      'Incidents',
      'Open findings that are causes.',
      'none',
      [runbooks],
      g.orZero('count(%s)' % g.of('oneway_finding', 'cause="true"')),
      g.none
    ),
    g.number(
      'Symptoms',
      'Open findings that another one explains.',
      'none',
      [runbooks],
      g.orZero('count(%s)' % g.of('oneway_finding', 'cause="false"')),
      g.gap
    ),
    g.number(
      'Addresses with a wrong way back',
      'Service addresses whose replies leave by another device than requests come by, or have no route, by lookup.',
      'none',
      [wrongDevice],
      g.orZero('sum(%s)' % g.of('oneway_service_addresses', 'verdict=~"uncovered|no_route"')),
      g.none
    ),
    g.number(
      'Openings that complete',
      'Share of the handshakes that were answered by a SYN-ACK whose acknowledgement came.',
      'percentunit',
      [oneWay],
      |||
        sum(%s)
        / (sum(%s) > 0)
      ||| % [g.rate('oneway_handshakes_total', 'outcome="completed"'), g.rate('oneway_handshakes_total', p.answered)],
      g.most
    ),
    g.number(
      'Gaps',
      'Parts that are not watched; the row on coverage says which.',
      'none',
      [g.runbook('watching.md')],
      g.orZero('count(%s)' % g.of('oneway_unwatched')),
      g.gap
    ),
    g.number(
      'Age of the last judgement',
      'A host is judged every few seconds; /-/healthy says no after a minute.',
      's',
      [g.alert('OnewayNotJudging')],
      'max(%s)' % p.judgementAge,
      { color: { mode: 'thresholds' }, thresholds: g.steps([[null, 'green'], [$._config.judgementAgeSeconds, 'red']]) }
    ),
    p.findings(
      'Findings now',
      'One row for each open finding; cause is false where another one explains it. remedy is the first command that heals it, where that was checked.',
      '',
      [24, 8]
    ),
    g.spans(
      'Findings, from opening to closing',
      'When each finding was open.',
      'none',
      [runbooks],
      [g.query(g.by(['condition', 'device', 'address'], g.of('oneway_finding'), 'max'), '{{condition}} {{device}} {{address}}')],
      size=[12, 6]
    ),
    g.lines(
      'Changes',
      'Rules, reply routes, devices, addresses, rp_filter, forwarding and translations that came, went or changed: what preceded a finding?',
      'none',
      [runbooks],
      [g.query(g.by(['kind'], g.increase('oneway_changes_total')), '{{kind}}')],
      custom=g.bars,
      size=[12, 6]
    ),
  ]),

  local connections = g.row('Openings of connections', [
    g.matrix(
      'Openings by devices',
      'TCP handshakes that ended in the time that is shown: a row for the device of the SYN, a column for that of the SYN-ACK. Off the diagonal, replies leave by another device than requests came by.',
      'none',
      [oneWay],
      pairs(g.by(pair, g.increase('oneway_handshakes_total', '', '$__range'))),
      'syn_device',
      'synack_device',
      'SYN by ↓, SYN-ACK by →',
      g.heat { decimals: 0 }
    ),
    g.matrix(
      'Openings that fail, by devices',
      'The share that neither completes nor is refused of the handshakes that ended in the time that is shown.',
      'percentunit',
      [oneWay],
      pairs('1 - ' + g.ratio(openings('outcome=~"completed|refused"'), openings(''))),
      'syn_device',
      'synack_device',
      'SYN by ↓, SYN-ACK by →',
      g.least
    ),
    g.lines(
      'Openings that complete, by line',
      'By the device of the SYN, on a host that answers the line by which requests come: share of the handshakes that were answered by a SYN-ACK whose acknowledgement came.',
      'percentunit',
      [oneWay],
      [g.query(p.completed(['syn_device']), '{{syn_device}}')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'Openings that complete, in the last minute',
      'As the exporter counts it, by each device on which an answered handshake was seen; absent below 10 a minute.',
      'percentunit',
      [oneWay],
      [g.query(g.of('oneway_handshake_ack_ratio'), '{{device}}')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'Delay of acknowledgements',
      'Time from a SYN-ACK to its acknowledgement, by the device of the latter: the round trip to the clients.',
      's',
      [oneWay],
      [quantile(0.5), quantile(0.95), quantile(0.99)]
    ),
    g.lines(
      'Openings by outcome',
      'What became of the TCP handshakes.',
      'reqps',
      [oneWay],
      [g.query(g.by(['outcome'], g.rate('oneway_handshakes_total')), '{{outcome}}')],
      custom=g.stacked
    ),
    g.lines(
      'One-way openings by devices',
      'Handshakes whose SYN was repeated although it was answered, by the devices of SYN and SYN-ACK.',
      'reqps',
      [oneWay],
      [g.query(g.by(pair, g.rate('oneway_handshakes_total', 'outcome="one_way"')), '{{syn_device}} → {{synack_device}}')]
    ),
    g.lines(
      'Repeated packets',
      'SYNs and SYN-ACKs that were sent once more, by device and direction.',
      'pps',
      [oneWay],
      [g.query(
        g.by(['device', 'direction', 'kind'], g.rate('oneway_handshake_packets_total', 'kind=~"syn_repeat|synack_repeat"')),
        '{{device}} {{direction}} {{kind}}'
      )]
    ),
    g.lines(
      'Packets of handshakes',
      'Those seen on all devices together, by direction and kind.',
      'pps',
      [losing],
      [g.query(g.by(['direction', 'kind'], g.rate('oneway_handshake_packets_total')), '{{direction}} {{kind}}')]
    ),
    g.lines(
      'Local connections without acknowledgement',
      'Connections to an address of this host whose SYN-ACK was repeated twice or more.',
      'none',
      [oneWay],
      [g.query(g.of('oneway_syn_recv_unanswered'), '{{address}}')],
      custom=g.stacked
    ),
    g.lines(
      'Echo requests by outcome',
      'Pings, by the device they were seen on.',
      'reqps',
      [g.runbook('reply_from_other_address.md')],
      [g.query(g.by(['device', 'outcome'], g.rate('oneway_echo_total')), '{{device}} {{outcome}}')]
    ),
    g.table(
      'Servers whose replies pass through',
      "Servers on this host's own networks whose replies pass here although their requests do not.",
      'none',
      [g.runbook('return_path.md')],
      g.by(['condition', 'device', 'server'], g.of('oneway_finding_server'), 'max'),
      ['server', 'device', 'condition'],
      [g.condition],
      size=[12, 8],
    ),
  ]),

  local services = g.row('Services and translation', [
    g.table(
      'Ways of replies',
      'For each service address and each device by which its requests come: by which device the replies leave, by lookup.',
      'none',
      [wrongDevice],
      g.by(['address', 'origin', 'target', 'arrival_device', 'reply_device', 'verdict'], g.of('oneway_reply_route'), 'max'),
      ['verdict', 'address', 'origin', 'target', 'arrival_device', 'reply_device'],
      [g.verdict],
    ),
    g.lines(
      'Service addresses by verdict',
      'Each with its target, by the worst verdict on their reply routes.',
      'none',
      [wrongDevice],
      [g.query(g.by(['origin', 'verdict'], g.of('oneway_service_addresses')), '{{origin}} {{verdict}}')],
      custom=g.stacked
    ),
    g.lines(
      'Translated flows by state',
      'At the last sweep of the connection tracking table.',
      'none',
      [halfOpen],
      [g.query(g.by(['nat', 'state'], g.of('oneway_conntrack_nat_flows')), '{{nat}} {{state}}')],
      custom=g.stacked
    ),
    g.lines(
      'Half-open flows by target',
      'Share of the flows to a public address and target that were not answered, or whose answer was not acknowledged.',
      'percentunit',
      [halfOpen],
      [g.query(g.ratio(
        g.by(['address', 'target'], g.of('oneway_conntrack_target_flows', 'state="half_open"')),
        g.by(['address', 'target'], g.of('oneway_conntrack_target_flows'))
      ), '{{address}} → {{target}}')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'Rules that translate',
      'One for each target and element of a map; and those whose target could not be read.',
      'none',
      [g.alert('OnewayRulesUnread')],
      [g.query(g.of('oneway_nat_rules'), '{{kind}}'), g.query(g.of('oneway_nat_rules_unread'), 'unread')]
    ),
    g.lines(
      'Connection tracking table',
      'Entries, translated or not, met by the last sweep.',
      'none',
      [g.alert('OnewaySweepOld')],
      [g.query(g.of('oneway_conntrack_sample_entries'), 'entries')]
    ),
    g.lines(
      'Sweeps of the table',
      'Processor time of the last sweep, and how long ago it ended.',
      's',
      [g.alert('OnewaySweepOld')],
      [
        g.query(g.of('oneway_conntrack_sample_seconds'), 'processor time'),
        g.query('time() - ' + g.of('oneway_conntrack_sample_timestamp_seconds'), 'age'),
      ]
    ),
    g.lines(
      "Kernel's statistics of connection tracking",
      'Packets and entries that it dropped or did not take, summed over processors.',
      'cps',
      [halfOpen],
      [g.query(g.by(['stat'], g.rate('oneway_conntrack_stat_total')), '{{stat}}')]
    ),
  ]),

  local drops = g.row('Drops', [
    g.lines(
      'Dropped packets by device and reason',
      'By the device they arrived on or were to leave by. Dropping is what filters are for: look for what began with a finding. Without data until something is dropped.',
      'pps',
      [rpFilter, g.runbook('forward_drop.md')],
      [g.query(g.by(['device', 'reason'], g.rate('oneway_device_drops_total')), '{{device}} {{reason}}')]
    ),
    g.lines(
      'Dropped by reverse-path filtering',
      'By device where the kernel tells it, and of the whole network namespace.',
      'pps',
      [rpFilter],
      [
        g.query(g.by(['device'], g.rate('oneway_rp_filter_device_drops_total')), '{{device}}'),
        g.query(g.by(['instance'], g.rate('oneway_rp_filter_drops_total')), 'all'),
      ]
    ),
    g.table(
      'Reverse-path filtering',
      'Effective mode of each device.',
      'none',
      [rpFilter],
      g.by(['device'], g.of('oneway_rp_filter_mode'), 'max'),
      ['device'],
      value='mode',
      look=g.mapped({ '0': 'off', '1': 'strict', '2': 'loose' }),
      size=[6, 8],
    ),
    g.table(
      'Reasons that are told',
      'Whether the running kernel tells this reason, so that its drops are counted.',
      'none',
      [rpFilter],
      g.by(['reason'], g.of('oneway_drop_reason_counted'), 'max'),
      ['reason'],
      value='counted',
      look=g.mapped({ '0': 'no', '1': 'yes' }),
      size=[6, 8],
    ),
    g.lines(
      'Traced requests that were dropped',
      'By the rule that did it, or policy; empty names: others. With --collector.nftrace.',
      'cps',
      [g.runbook('forward_drop.md')],
      [g.query(g.by(['table', 'chain', 'rule'], g.rate('oneway_trace_drops_total')), '{{table}} {{chain}} {{rule}}')]
    ),
    g.lines(
      'Martian packets',
      'With an impossible source or destination, in all network namespaces of the host.',
      'pps',
      [rpFilter],
      [g.query(g.by(['kind'], g.rate('oneway_martian_packets_total')), '{{kind}}')]
    ),
    g.lines(
      'Drops that may be missing',
      'Packets dropped that may be missing in the counts by device, at most.',
      'pps',
      [g.alert('OnewayRowsOmitted')],
      [g.query(g.by(['instance'], g.rate('oneway_device_drops_uncounted_total')), 'uncounted')]
    ),
  ], collapsed=true),

  local capture = g.row('Capture and coverage', [
    p.unwatched([]),
    g.lines(
      'Devices that are not captured on',
      'Though they are up and wanted, by the reason.',
      'none',
      [g.alert('OnewayDevicesUnwatched')],
      [g.query(g.by(['reason'], g.of('oneway_capture_devices_unwatched')), '{{reason}}')],
      custom=g.stacked
    ),
    g.lines(
      'Captured packets',
      'Those that passed the capture filter, by device.',
      'pps',
      [losing],
      [g.query(g.by(['device'], g.rate('oneway_capture_packets_total')), '{{device}}')]
    ),
    g.lines(
      'Lost by captures',
      'Share of the packets that passed the capture filter and were lost before they were read.',
      'percentunit',
      [losing],
      [g.query(g.ratio(
        g.by(['device'], g.rate('oneway_capture_dropped_total')), g.by(['device'], g.rate('oneway_capture_packets_total'))
      ), '{{device}}')]
    ),
    g.lines(
      'Handshakes that are followed',
      'Those that have not ended yet, and how many can be followed at the same time.',
      'none',
      [g.alert('OnewayRowsOmitted')],
      [g.query(g.of('oneway_handshakes_tracked'), 'followed'), g.query(g.of('oneway_handshakes_tracked_limit'), 'limit')],
      custom={ scaleDistribution: { type: 'log', log: 10 } },
      look={}
    ),
    g.lines(
      'Share of handshakes that is followed',
      'Below 1 under floods; counts are scaled.',
      'percentunit',
      [g.alert('OnewayHandshakesSampled')],
      [g.query(g.of('oneway_handshake_sampling_ratio'), 'followed')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'What found no place',
      'In bounded tables; what is wrong with that alone is not found.',
      'cps',
      [g.alert('OnewayRowsOmitted')],
      [
        g.query(g.by(['instance'], g.rate(omitted[1])), omitted[0])
        for omitted in [
          ["flows' addresses", 'oneway_conntrack_endpoints_omitted_total'],
          ['devices', 'oneway_handshake_devices_omitted_total'],
          ['pairs of devices', 'oneway_handshake_pairs_omitted_total'],
          ['services', 'oneway_handshake_services_omitted_total'],
          ['handshakes', 'oneway_handshakes_evicted_total'],
        ]
      ]
    ),
    g.lines(
      'Addresses without a label',
      'Service addresses that are judged, but not named in metrics, as there are more than --metrics.max-addresses.',
      'none',
      [g.alert('OnewayAddressesOmitted')],
      [g.query(g.of('oneway_addresses_omitted'), 'addresses')]
    ),
  ], collapsed=true),

  local exporter = g.row('Exporter', [
    g.lines(
      'Age of judgements',
      'A host is judged every few seconds; /-/healthy says no after a minute.',
      's',
      [g.alert('OnewayNotJudging')],
      [g.query(g.by(['instance'], p.judgementAge, 'max'), 'age')]
    ),
    g.lines(
      'Longest work on the event loop',
      'Processor time of the longest single piece of each kind, of the last one to two minutes: what a watchdog waits for.',
      's',
      [g.alert('OnewayNotJudging')],
      [g.query(g.by(['work'], g.of('oneway_loop_longest_seconds'), 'max'), '{{work}}')]
    ),
    g.lines(
      'Answers to Prometheus',
      'Duration of a scrape, as Prometheus measures it.',
      's',
      [g.alert('OnewayExporterDown')],
      [g.query(g.of('scrape_duration_seconds'), 'scrape')]
    ),
    g.lines(
      'Whether it answers',
      '1 where Prometheus could scrape it.',
      'none',
      [g.alert('OnewayExporterDown')],
      [g.query(g.of('up'), 'up')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'Readings of collectors',
      'How long the last one took.',
      's',
      [g.alert('OnewayCollectorFailing')],
      [g.query(g.by(['collector'], g.of('oneway_scrape_collector_duration_seconds'), 'max'), '{{collector}}')]
    ),
    g.lines(
      'Collectors that fail',
      "1 where a collector's last reading failed.",
      'none',
      [g.alert('OnewayCollectorFailing')],
      [g.query('1 - ' + g.by(['collector'], g.of('oneway_scrape_collector_success'), 'min'), '{{collector}}')],
      { min: 0, max: 1 }
    ),
    g.lines(
      'Processor time',
      'Of the exporter, in processors.',
      'percentunit',
      [g.runbook('watching.md')],
      [g.query(g.rate('process_cpu_seconds_total'), 'processors')]
    ),
    g.lines(
      'Memory', 'Resident, of the exporter.', 'bytes', [g.runbook('watching.md')], [g.query(g.of('process_resident_memory_bytes'), 'resident')]
    ),
    g.lines(
      'Descriptors',
      'Open files and connections, and how many there may be.',
      'none',
      [g.alert('OnewayDevicesUnwatched')],
      [g.query(g.of('process_open_fds'), 'open'), g.query(g.of('process_max_fds'), 'limit')],
      custom={ scaleDistribution: { type: 'log', log: 10 } },
      look={}
    ),
    g.lines(
      'Lost lines of the log',
      'Because nobody read it fast enough.',
      'cps',
      [g.alert('OnewayExporterDown')],
      [g.query(g.by(['instance'], g.rate('oneway_log_lines_lost_total')), 'lines')]
    ),
    p.exporters,
  ], collapsed=true),

  grafanaDashboards+:: {
    'oneway-host.json': g.dashboard(
      'oneway-host',
      'oneway / One host',
      'One-way connectivity on one host that runs oneway_exporter.',
      [now, connections, services, drops, capture, exporter],
      p.annotations,
      oneHost=true
    ),
  },
}
