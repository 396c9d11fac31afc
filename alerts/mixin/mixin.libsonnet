// SPDX-License-Identifier: GPL-2.0-or-later
(import 'config.libsonnet') + (import 'findings.libsonnet') + (import 'watching.libsonnet') + (import 'records.libsonnet')
+ (import 'grafana.libsonnet') + (import 'panels.libsonnet') + (import 'fleet.libsonnet') + (import 'host.libsonnet')
