// SPDX-License-Identifier: GPL-2.0-or-later
// What a site may want to have otherwise: (import 'mixin.libsonnet') { _config+:: { runbookBase: '...' } }
{
  _config+:: {
    // The exporters among all that is scraped.
    selector: 'job="oneway"',
    // The dashboards find exporters by their metrics, whatever their job is called; this narrows what they offer.
    dashboardSelector: '',
    // The dashboards' variable for the source of their data.
    datasourceVariable: 'datasource',
    // Before the name of a runbook's page. Browsers follow no link from Grafana to a file.
    runbookBase: 'file:///usr/share/doc/oneway/alerts/runbooks/',
    // An address is one server's if these labels agree: add the label of a site where sites share address ranges.
    fleetLabels: ['address'],
    // What one host says counts for so long, until the other hosts have been asked as well; at least a scrape interval.
    fleetWindow: '1m',
    // So long something must be so before it is an alert. Findings need none: the exporter has judged them.
    downFor: '5m',
    failingFor: '5m',
    blindFor: '15m',
    // The share of packets that a capture may lose.
    captureLossRatio: 0.01,
    // Connection tracking was not gone through for so long: its sweeps are minutes apart on the largest tables.
    sweepAgeSeconds: 900,
    // Nothing was judged for so long: /-/healthy says no from then on.
    judgementAgeSeconds: 60,
  },
}
