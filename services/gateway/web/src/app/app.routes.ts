/** All pages, lazily loaded. */
import { Routes } from '@angular/router';

export const routes: Routes = [
  { path: '', pathMatch: 'full', redirectTo: 'dashboard' },
  { path: 'dashboard', title: 'Dashboard', loadComponent: () => import('./dashboard/dashboard').then((m) => m.Dashboard) },
  { path: 'datasets', title: 'Datasets', loadComponent: () => import('./datasets/datasets').then((m) => m.Datasets) },
  { path: 'datasets/:id', title: 'Dataset', loadComponent: () => import('./datasets/dataset').then((m) => m.DatasetPage) },
  { path: 'models', title: 'Models', loadComponent: () => import('./models/models').then((m) => m.Models) },
  { path: 'models/:id', title: 'Model', loadComponent: () => import('./models/model').then((m) => m.ModelPage) },
  { path: 'jobs', title: 'Training jobs', loadComponent: () => import('./jobs/jobs').then((m) => m.Jobs) },
  { path: 'jobs/new', title: 'New training job', loadComponent: () => import('./jobs/new-job').then((m) => m.NewJob) },
  { path: 'jobs/:id', title: 'Training job', loadComponent: () => import('./jobs/job').then((m) => m.JobPage) },
  { path: 'evaluations', title: 'Evaluations', loadComponent: () => import('./evaluations/evaluations').then((m) => m.Evaluations) },
  { path: 'evaluations/compare', title: 'Comparison', loadComponent: () => import('./evaluations/compare').then((m) => m.Compare) },
  { path: 'evaluations/:id', title: 'Evaluation', loadComponent: () => import('./evaluations/evaluation').then((m) => m.EvaluationPage) },
  { path: 'aliases', title: 'Aliases', loadComponent: () => import('./aliases/aliases').then((m) => m.Aliases) },
  { path: 'aliases/:name', title: 'Alias', loadComponent: () => import('./aliases/alias').then((m) => m.AliasPage) },
  { path: 'aliases/:name/candidates/:id', title: 'Candidate', loadComponent: () => import('./aliases/candidate').then((m) => m.CandidatePage) },
  { path: 'exports', title: 'Exports', loadComponent: () => import('./exports/exports').then((m) => m.Exports) },
  { path: 'playground', title: 'Playground', loadComponent: () => import('./playground/playground').then((m) => m.Playground) },
  { path: 'lineage', title: 'Lineage', loadComponent: () => import('./lineage/lineage').then((m) => m.LineagePage) },
  { path: 'members', title: 'Members', loadComponent: () => import('./members/members').then((m) => m.Members) },
  { path: 'webhooks', title: 'Webhooks', loadComponent: () => import('./webhooks/webhooks').then((m) => m.Webhooks) },
  { path: 'webhooks/:id', title: 'Webhook', loadComponent: () => import('./webhooks/webhook').then((m) => m.WebhookPage) },
  { path: 'audit', title: 'Audit log', loadComponent: () => import('./audit/audit').then((m) => m.Audit) },
  { path: 'settings', title: 'Settings', loadComponent: () => import('./settings/settings').then((m) => m.Settings) },
  { path: '**', title: 'Not found', loadComponent: () => import('./shell/not-found').then((m) => m.NotFound) },
];
