// SPDX-License-Identifier: GPL-2.0-or-later
// The dashboards: jsonnet -m DIRECTORY [-A runbookBase=https://...] [-A selector='team="net"'] alerts/mixin/dashboards.jsonnet
local mixin = import 'mixin.libsonnet';

function(selector=null, runbookBase=null, datasourceVariable=null)
  (mixin {
     _config+:: std.prune({
       dashboardSelector: selector,
       runbookBase: runbookBase,
       datasourceVariable: datasourceVariable,
     }),
   }).grafanaDashboards
