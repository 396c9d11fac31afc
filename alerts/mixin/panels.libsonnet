// SPDX-License-Identifier: GPL-2.0-or-later
// What both dashboards show, of one host or of many.
{
  local g = $.grafana,
  local subject = ['job', 'instance', 'condition', 'device', 'address', 'origin'],

  panels:: {
    // Openings that were answered by a SYN-ACK, as in oneway_handshake_ack_ratio.
    answered: 'outcome=~"completed|one_way|abandoned"',
    completed(by, range='$__rate_interval'):
      local sum(outcome) = g.by(by, g.increase('oneway_handshakes_total', outcome, range));
      g.ratio(sum('outcome="completed"'), sum(self.answered)),
    judgementAge: 'time() - ' + g.of('oneway_last_judgement_timestamp_seconds'),

    findings(title, description, more, size):
      g.table(
        title,
        description,
        'none',
        [g.runbook('README.md', 'Runbooks'), g.fleet, g.host],
        g.by(subject + ['severity', 'cause', 'reply_device', 'remedy'], |||
          %s
          * on (%s) group_left (reply_device, remedy) %s
        ||| % [g.of('oneway_finding', more), std.join(', ', subject), g.of('oneway_finding_info')], 'max'),
        ['severity', 'condition', 'instance', 'device', 'address', 'origin', 'reply_device', 'remedy', 'cause', 'job'],
        [g.severity, g.condition, g.linked('instance', g.hostOfRow)],
        size=size,
      ),

    unwatched(labels):
      g.table(
        'Not watched',
        'What a collector does not watch, and why: one whole collector (part all), or how many there are of a part. Empty if all is watched.',
        'none',
        [g.runbook('watching.md')],
        g.by(labels + ['collector', 'part', 'reason'], g.of('oneway_unwatched'), 'max'),
        labels + ['collector', 'part', 'reason'],
        if std.member(labels, 'instance') then [g.linked('instance', g.hostOfRow)] else [],
        value='count',
        size=[12, 8],
      ),

    exporters:
      g.table(
        'Exporters',
        'Versions, and by which means packets are captured.',
        'none',
        [g.alert('OnewayExporterDown')],
        |||
          %s
          * on (job, instance) group_left (tap) %s
          or on (job, instance) %s
        ||| % [g.of('oneway_exporter_build_info'), g.of('oneway_capture_info'), g.of('oneway_exporter_build_info')],
        ['instance', 'version', 'revision', 'compiler', 'tap', 'job'],
        [g.linked('instance', g.hostOfRow)],
        size=[12, 8],
      ),

    annotations: [
      g.annotation(
        'Findings',
        'red',
        g.of('oneway_finding', 'cause="true"'),
        '{{condition}}',
        '{{instance}} {{device}} {{address}}',
        'severity,instance'
      ),
      g.annotation(
        'Changes',
        'blue',
        g.by(['instance', 'kind'], g.increase('oneway_changes_total')) + ' > 0',
        'change: {{kind}}',
        '{{instance}}',
        'kind,instance'
      ),
    ],
  },
}
