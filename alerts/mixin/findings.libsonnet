// SPDX-License-Identifier: GPL-2.0-or-later
// An alert for each condition, and those that join what two hosts say.
local conditions = import 'conditions.libsonnet';

// reply_wrong_device: OnewayReplyWrongDevice
local alertName(condition) =
  'Oneway' + std.join('', [std.asciiUpper(word[0]) + word[1:] for word in std.split(condition, '_')]);

// Up to the first colon or semicolon, as a sentence.
local headline(help) =
  local first = std.split(std.split(help, ':')[0], ';')[0];
  std.asciiUpper(first[0]) + first[1:] + '.';

local subject =
  '{{ $labels.instance }}{{ with $labels.device }}, device {{ . }}{{ end }}{{ with $labels.address }}, address {{ . }}{{ end }}';

// What is known of the finding beyond its labels.
local info =
  '{{ $info := printf `oneway_finding_info{job=%q,instance=%q,condition=%q,device=%q,address=%q,origin=%q}`'
  + ' $labels.job $labels.instance $labels.condition $labels.device $labels.address $labels.origin | query }}';
local known(label, text) = '{{ with $info }}{{ with . | first | label "%s" }}%s{{ end }}{{ end }}' % [label, text];

local where = '`oneway check` there shows the evidence, and the commands that heal it where there are some.';

{
  local config = $._config,

  local findingAlert(condition) = {
    alert: alertName(condition.name),
    expr: 'oneway_finding{%s,condition="%s",cause="true"} == 1' % [config.selector, condition.name],
    'for': '0s',
    annotations: {
      summary: headline(condition.help),
      description: info + subject + known('reply_device', ', replies leave by {{ . }}') + ': ' + condition.help + '. '
                   + known('remedy', 'To heal it, begin with: {{ . }} ') + where,
      runbook_url: config.runbookBase + condition.name + '.md',
    },
  },

  // What one host says of the replies of a server, and another of those it does not get: one incident, at the former.
  returnPathThroughGateway(selector, window)::
    // The address of the server whose replies pass.
    local passing(condition) = |||
      max without (condition, server) (
        label_replace(max_over_time(oneway_finding_server{%s,condition="%s"}[%s]), "address", "$1", "server", "(.+)")
      )
    ||| % [selector, condition, window];
    local onAddress = std.join(', ', config.fleetLabels);
    local sufferers =
      'max_over_time(oneway_finding{%s,condition=~"handshake_one_way|reply_from_other_address",cause="true",address!=""}[%s])'
      % [selector, window];
    // The gateway that changes the source, else one that merely passes such replies on.
    '(\n%sor on (job, instance, %s)\n%s)\nand on (%s)\n%s\n'
    % [passing('foreign_source'), onAddress, passing('return_only'), onAddress, sufferers],

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'oneway.findings',
        rules: [findingAlert(condition) for condition in conditions] + [
          {
            alert: 'OnewayFindingUnnamed',
            expr: 'oneway_findings{%s} > 0 unless on (job, instance, condition) oneway_finding{%s}'
                  % [config.selector, config.selector],
            'for': '0s',
            annotations: {
              summary: 'A finding is open whose address no label may name.',
              description: '{{ $labels.instance }}: {{ $value }} findings of {{ $labels.condition }} have addresses beyond '
                           + '--metrics.max-addresses, so no other alert tells of them. ' + where,
              runbook_url: config.runbookBase + 'watching.md#onewayfindingunnamed',
            },
          },
        ],
      },
      {
        name: 'oneway.fleet',
        rules: [
          {
            alert: 'OnewayReturnPathThroughGateway',
            expr: $.returnPathThroughGateway(config.selector, config.fleetWindow),
            'for': '0s',
            labels: { severity: 'critical' },
            annotations: {
              summary: "A server's replies pass through a gateway that never saw the requests.",
              description: '{{ $labels.instance }} passes on replies of the server {{ $labels.address }} (device '
                           + '{{ $labels.device }}) whose requests did not come by it, and they do not reach the clients'
                           + '{{ range printf `oneway_finding{condition=~"handshake_one_way|reply_from_other_address",cause="true",address=%q}`'
                           + ' $labels.address | query | sortByLabel "instance" }}, says {{ .Labels.instance }}{{ end }}. The server\'s route back to its '
                           + 'clients should not lead through this gateway, or the requests should.',
              runbook_url: config.runbookBase + 'return_path.md',
            },
          },
        ],
      },
    ],
  },
}
