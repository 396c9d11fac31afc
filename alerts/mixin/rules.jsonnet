// SPDX-License-Identifier: GPL-2.0-or-later
// The rules as YAML: jsonnet -S [-A runbookBase=https://...] [-A selector='job="..."'] alerts/mixin/rules.jsonnet
local mixin = import 'mixin.libsonnet';

function(selector=null, runbookBase=null)
  local own = mixin {
    _config+:: std.prune({ selector: selector, runbookBase: runbookBase }),
  };
  '# SPDX-License-Identifier: GPL-2.0-or-later\n# Made from alerts/mixin/ by jsonnet: change that.\n'
  + std.manifestYamlDoc(
    { groups: own.prometheusRules.groups + own.prometheusAlerts.groups }, indent_array_in_object=true, quote_keys=false
  )
  + '\n'
