// SPDX-License-Identifier: GPL-2.0-or-later
// The rules as YAML: jsonnet -S [-A runbookBase=https://...] [-A selector='job="..."'] alerts/mixin/rules.jsonnet
local mixin = import 'mixin.libsonnet';

// Written out here, in the order in which people read them: std.manifestYamlDoc() sorts, and takes half a minute.
local quoted(text) = "'" + std.join("''", std.split(text, "'")) + "'";
local block(text, indent) =
  '|\n' + std.join('\n', [indent + line for line in std.split(text[:std.length(text) - 1], '\n')]);
local scalar(text, indent) =
  if text[std.length(text) - 1] == '\n' then block(text, indent + '  ') else quoted(text);
local fields(object, indent) =
  std.join('\n' + indent, ['%s: %s' % [key, scalar(object[key], indent)] for key in std.objectFields(object)]);
local part(rule, key) =
  if !std.objectHas(rule, key) then []
  else if std.isObject(rule[key]) then ['%s:\n          %s' % [key, fields(rule[key], '          ')]]
  else ['%s: %s' % [key, scalar(rule[key], '        ')]];
local manifestRule(rule) =
  '      - ' + std.join('\n        ', std.flatMap(
    function(key) part(rule, key), ['record', 'alert', 'expr', 'for', 'labels', 'annotations']
  )) + '\n';
local manifestGroup(group) =
  '  - name: %s\n    rules:\n%s' % [group.name, std.join('', [manifestRule(rule) for rule in group.rules])];

function(selector=null, runbookBase=null)
  local own = mixin {
    _config+:: std.prune({ selector: selector, runbookBase: runbookBase }),
  };
  '# SPDX-License-Identifier: GPL-2.0-or-later\n# Made from alerts/mixin/ by jsonnet: change that.\ngroups:\n'
  + std.join('', [manifestGroup(group) for group in own.prometheusRules.groups + own.prometheusAlerts.groups])
