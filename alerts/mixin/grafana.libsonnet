// SPDX-License-Identifier: GPL-2.0-or-later
// What both dashboards are made of: the classic schema as Grafana 10.0 has it, which later ones migrate when they load it.
// They use no recording rule: so they work without the rules, for any job, and follow the time that is shown.
{
  local config = $._config,
  local datasource = { type: 'prometheus', uid: '${%s}' % config.datasourceVariable },
  local chosen = 'job=~"$job",instance=~"$instance"',

  grafana:: {
    local grafana = self,

    // Put together by hand: std.format() takes seconds here. These are of the hosts that are chosen.
    of(metric, more=''): metric + '{' + chosen + (if more == '' then '' else ',' + more) + '}',
    rate(metric, more=''): 'rate(' + grafana.of(metric, more) + '[$__rate_interval])',
    increase(metric, more='', range='$__rate_interval'): 'increase(' + grafana.of(metric, more) + '[' + range + '])',
    by(labels, expr, sum='sum'): sum + ' by (' + std.join(', ', labels) + ') (' + expr + ')',
    orZero(expr): expr + ' or vector(0)',
    // Not of nothing: then there is no ratio.
    ratio(part, whole): part + '\n/ (' + whole + ' > 0)',
    // An empty label makes no column of a matrix.
    named(expr, label, name): 'label_replace(' + std.join(', ', [expr] + ['"' + text + '"' for text in [label, name, label, '']]) + ')',

    // ---- links ----

    runbook(page, title='Runbook'): { title: title, url: config.runbookBase + page, targetBlank: true },
    alert(name): grafana.runbook('watching.md#' + std.asciiLower(name), 'Runbook of ' + name),
    local toDashboard(uid, title, parameters) = {
      title: title,
      url: '/d/' + uid + '?'
           + std.join('&', ['${' + config.datasourceVariable + ':queryparam}'] + parameters + ['${__url_time_range}']),
    },
    fleet: toDashboard('oneway-fleet', 'All hosts', ['${job:queryparam}']),
    host: toDashboard('oneway-host', 'One host', ['${job:queryparam}']),
    // Of the row that is clicked on.
    hostOfRow: toDashboard(
      'oneway-host', 'This host', ['var-job=${__data.fields.job}', 'var-instance=${__data.fields.instance}']
    ),

    // ---- colours and values ----

    steps(colours): { mode: 'absolute', steps: [{ value: step[0], color: step[1] } for step in colours] },
    // Good is none of it, or all of it.
    none: { color: { mode: 'thresholds' }, thresholds: grafana.steps([[null, 'green'], [1, 'red']]) },
    gap: { color: { mode: 'thresholds' }, thresholds: grafana.steps([[null, 'green'], [1, 'orange']]) },
    some: { color: { mode: 'thresholds' }, thresholds: grafana.steps([[null, 'transparent'], [1, 'red']]) },
    most: {
      min: 0,
      max: 1,
      color: { mode: 'thresholds' },
      thresholds: grafana.steps([[null, 'red'], [0.8, 'orange'], [0.95, 'green']]),
    },
    least: {
      min: 0,
      max: 1,
      color: { mode: 'thresholds' },
      thresholds: grafana.steps([[null, 'green'], [0.05, 'orange'], [0.2, 'red']]),
    },
    plain: { color: { mode: 'thresholds' }, thresholds: grafana.steps([[null, 'blue']]) },
    heat: { min: 0, color: { mode: 'continuous-blues' } },
    mapped(values): {
      mappings: [{ type: 'value', options: { [value]: { text: values[value] } for value in std.objectFields(values) } }],
    },
    coloured(values): {
      mappings: [{ type: 'value', options: { [value]: { color: values[value] } for value in std.objectFields(values) } }],
    },
    override(field, properties): {
      matcher: { id: 'byName', options: field },
      properties: [{ id: id, value: properties[id] } for id in std.objectFields(properties)],
    },
    severity: grafana.override('severity', {
      mappings: grafana.coloured({ critical: 'red', warning: 'orange', info: 'blue' }).mappings,
      'custom.cellOptions': { type: 'color-text' },
    }),
    verdict: grafana.override('verdict', {
      mappings: grafana.coloured({
        covered: 'green',
        intended: 'green',
        partly: 'orange',
        unknown: 'orange',
        uncovered: 'red',
        no_route: 'red',
      }).mappings,
      'custom.cellOptions': { type: 'color-text' },
    }),
    linked(field, link): grafana.override(field, { links: [link] }),
    condition: grafana.linked('condition', grafana.runbook('${__value.raw}.md', 'Runbook of ${__value.raw}')),

    // ---- panels ----

    query(expr, legend='__auto'): { expr: expr, legendFormat: legend },

    local panel(type, title, description, unit, links, queries, query, size) = {
      type: type,
      title: title,
      description: description,
      datasource: datasource,
      links: links,
      gridPos: { w: size[0], h: size[1] },
      fieldConfig: { defaults: { unit: unit }, overrides: [] },
      targets: [
        { refId: std.char(65 + i), datasource: datasource, editorMode: 'code' } + query + queries[i]
        for i in std.range(0, std.length(queries) - 1)
      ],
    },

    number(title, description, unit, links, expr, look, size=[4, 4]):
      panel('stat', title, description, unit, links, [{ expr: expr }], { instant: true, range: false }, size) + {
        fieldConfig+: { defaults+: look },
        options: {
          colorMode: 'background',
          graphMode: 'none',
          reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        },
      },

    lines(title, description, unit, links, queries, look={ min: 0 }, custom={}, size=[12, 8]):
      panel('timeseries', title, description, unit, links, queries, { instant: false, range: true }, size) + {
        fieldConfig+: { defaults+: look { custom: { fillOpacity: 10, showPoints: 'never' } + custom } },
        options: {
          legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
          tooltip: { mode: 'multi', sort: 'desc' },
        },
      },
    stacked: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 60, lineWidth: 0 },
    bars: { stacking: { mode: 'normal', group: 'A' }, drawStyle: 'bars', fillOpacity: 80 },

    // When what held: one row for each series.
    spans(title, description, unit, links, queries, size=[24, 6]):
      panel('state-timeline', title, description, unit, links, queries, { instant: false, range: true }, size) + {
        fieldConfig+: { defaults+: grafana.none + grafana.mapped({ '1': 'open' }) },
        options: {
          legend: { displayMode: 'list', placement: 'bottom', showLegend: false },
          mergeValues: true,
          rowHeight: 0.8,
          showValue: 'never',
          tooltip: { mode: 'single', sort: 'none' },
        },
      },

    // A row for each series; first these labels, then the others. The value itself is shown if it has a name.
    table(title, description, unit, links, expr, labels, overrides=[], value=null, look={}, size=[24, 8]):
      panel('table',
            title,
            description,
            unit,
            links,
            [{ expr: expr }],
            { format: 'table', instant: true, range: false },
            size) + {
        fieldConfig+: { defaults+: { custom: { align: 'left', filterable: true } } + look, overrides: overrides },
        options: { cellHeight: 'sm', showHeader: true },
        transformations: [{
          id: 'organize',
          options: {
            excludeByName: { Time: true, [if value == null then 'Value']: true },
            indexByName: { [labels[i]]: i for i in std.range(0, std.length(labels) - 1) },
            renameByName: { [if value != null then 'Value']: value },
          },
        }],
      },

    // A row and a column for each value of two labels, coloured by what stands where they meet.
    matrix(title, description, unit, links, expr, row, column, corner, look, overrides=[], size=[12, 8]):
      panel('table',
            title,
            description,
            unit,
            links,
            [{ expr: expr }],
            { format: 'table', instant: true, range: false },
            size) + {
        fieldConfig+: {
          defaults+: { custom: { align: 'left', cellOptions: { type: 'color-background', mode: 'basic' } } } + look,
          overrides: [grafana.override(corner, { 'custom.cellOptions': { type: 'auto' } })] + overrides,
        },
        options: { cellHeight: 'sm', showHeader: true },
        transformations: [
          {
            id: 'groupingToMatrix',
            options: { rowField: row, columnField: column, valueField: 'Value', emptyValue: 'null' },
          },
          { id: 'organize', options: { excludeByName: {}, indexByName: {}, renameByName: { [row + '\\' + column]: corner } } },
        ],
      },

    row(title, panels, collapsed=false): { title: title, panels: panels, collapsed: collapsed },

    // ---- the dashboard ----

    // Panels side by side until the width of 24 is full, then below the tallest of them.
    local place(panels, top, id) = std.foldl(
      function(done, one)
        local wraps = done.x + one.gridPos.w > 24;
        local x = if wraps then 0 else done.x, y = if wraps then done.bottom else done.y;
        {
          x: x + one.gridPos.w,
          y: y,
          bottom: std.max(done.bottom, y + one.gridPos.h),
          placed: done.placed + [one { id: id + std.length(done.placed) + 1, gridPos+: { x: x, y: y } }],
        },
      panels,
      { x: 0, y: top, bottom: top, placed: [] }
    ),
    local rowPanel(row, top, id, panels) = {
      type: 'row',
      id: id,
      title: row.title,
      collapsed: row.collapsed,
      gridPos: { x: 0, y: top, w: 24, h: 1 },
      panels: panels,
    },
    local panelsOf(rows) = std.foldl(
      function(done, row)
        local id = 100 * (done.rows + 1);
        local within = place(row.panels, done.top + 1, id);
        {
          rows: done.rows + 1,
          top: if row.collapsed then done.top + 1 else within.bottom,
          panels: done.panels
                  + (if row.collapsed then [rowPanel(row, done.top, id, within.placed)]
                     else [rowPanel(row, done.top, id, [])] + within.placed),
        },
      rows,
      { rows: 0, top: 0, panels: [] }
    ).panels,

    local variable(name, label, query, more) = {
      type: 'query',
      name: name,
      label: label,
      datasource: datasource,
      definition: query,
      query: { query: query, refId: 'StandardVariableQuery' },
      regex: '',
      options: [],
      refresh: 2,
      sort: 1,
      current: {},
      hide: 0,
    } + more,
    local all = { includeAll: true, multi: true, current: { text: ['All'], value: ['$__all'] } },

    annotation(name, colour, expr, title, text, tags): {
      name: name,
      datasource: datasource,
      enable: true,
      hide: false,
      iconColor: colour,
      expr: expr,
      step: '60s',
      titleFormat: title,
      textFormat: text,
      tagKeys: tags,
    },

    // oneHost: not all are chosen at first, but one.
    dashboard(uid, title, description, rows, annotations, oneHost): {
      local exporters(more) =
        local matchers = std.join(',', [part for part in [config.dashboardSelector, more] if part != '']);
        'oneway_exporter_build_info' + (if matchers == '' then '' else '{%s}' % matchers),
      id: null,
      uid: uid,
      title: title,
      description: description,
      tags: ['oneway'],
      schemaVersion: 38,
      version: 1,
      editable: false,
      graphTooltip: 1,
      refresh: '1m',
      time: { from: 'now-1h', to: 'now' },
      timezone: 'browser',
      local link = { asDropdown: false, includeVars: false, keepTime: false, tags: [], targetBlank: false, tooltip: '', url: '' },
      links: [
        link { type: 'dashboards', title: 'oneway', icon: 'external link', tags: ['oneway'], includeVars: true, keepTime: true },
        link { type: 'link', title: 'Runbooks', icon: 'doc', url: config.runbookBase + 'README.md', targetBlank: true },
      ],
      annotations: { list: annotations },
      templating: { list: [
        {
          type: 'datasource',
          name: config.datasourceVariable,
          label: 'Data source',
          query: 'prometheus',
          refresh: 1,
          regex: '',
          options: [],
          current: {},
          hide: 0,
        },
        // All of them are named one by one: metrics such as up are others' too.
        variable('job', 'Job', 'label_values(%s, job)' % exporters(''), all),
        variable(
          'instance',
          'Instance',
          'label_values(%s, instance)' % exporters('job=~"$job"'),
          // Escaped for =~ only if there may be several: an IPv6 address has brackets.
          if oneHost then { includeAll: false, multi: true } else all { allValue: '.+' }
        ),
      ] },
      panels: panelsOf(rows),
    },
  },
}
