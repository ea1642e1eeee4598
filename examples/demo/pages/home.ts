import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { page } from './layout.ts'

export interface Overview {
  readonly mcpUrl: string
  readonly projects: readonly string[]
  readonly organizations: number
  readonly aiApproved: number
  readonly clients: number
}

export function homePage (session: BrowserSession, { mcpUrl, projects, organizations, aiApproved, clients }: Overview): string {
  return page({ title: `Projects of ${session.account!.name}`, session, path: '/' }, html`
    <div class="card">
      <h2>Projects</h2>
      ${projects.length === 0 ? html`<p>There are no projects yet.</p>` : html`<ul>${projects.map(name => html`<li>${name}</li>`)}</ul>`}
    </div>
    <div class="cards">
      <section class="card" aria-labelledby="ai">
        <h2 id="ai">AI processing</h2>
        <p>${String(aiApproved)} of ${String(organizations)} organizations allow it.</p>
        <p><a href="/organizations">Organizations</a></p>
      </section>
      <section class="card" aria-labelledby="clients">
        <h2 id="clients">Connected clients</h2>
        <p>${clients === 0 ? 'No client has access.' : clients === 1 ? 'One client has access.' : `${clients} clients have access.`}</p>
        <p><a href="/clients">Connected clients</a></p>
      </section>
    </div>
    <section class="card" aria-labelledby="connect">
      <h2 id="connect">Connect a client</h2>
      <p>Give this URL to any MCP client. The client finds this server by itself, and sends you here to allow or deny it:</p>
      <pre><code>${mcpUrl}</code></pre>
      <p>A client that needs only Node.js:</p>
      <pre><code>npx mcp-remote ${mcpUrl} --allow-http</code></pre>
    </section>`)
}
