/* global fetch, crypto, location, sessionStorage, document, URL, URLSearchParams, TextEncoder, btoa */
/**
 * A client in a browser, with nothing but what browsers have: from the 401 of a protected resource to a call with a token.
 * `/?url=…` begins, `/callback` goes on after the redirect. What it has seen is in the element `result`, as JSON.
 */

const base64url = bytes => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

/** A parameter of the Bearer challenge. A page of another origin can read the header only when CORS exposes it. */
function parameterOf (response, name) {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(response.headers.get('www-authenticate') ?? '')?.[1]
}

/** Calls the API, or a tool of an MCP server. */
async function call (url, { token, tool = 'whoami', parameters = {} } = {}) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  if (!new URL(url).pathname.endsWith('/mcp')) return await fetch(url, { headers })
  return await fetch(url, {
    method: 'POST',
    headers: {
      ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: parameters } })
  })
}

async function json (url, init) {
  const response = await fetch(url, init)
  if (!response.ok) throw new Error(`${response.status} from ${url}`)
  return await response.json()
}

/** From the challenge to the authorization endpoint. */
async function begin (url) {
  const refused = await call(url)
  if (refused.status !== 401) throw new Error(`expected 401, got ${refused.status}`)
  // RFC 9728 section 5.1
  const { resource, authorization_servers: [issuer] } = await json(parameterOf(refused, 'resource_metadata'))
  // RFC 8414 section 3
  const server = await json(`${issuer}/.well-known/oauth-authorization-server`)
  if (server.issuer !== issuer) throw new Error(`expected the issuer ${issuer}, got ${server.issuer}`)
  const redirectUri = `${location.origin}/callback`
  // RFC 7591
  const { client_id: clientId } = await json(server.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Page of another origin', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' })
  })
  const verifier = random()
  const state = random()
  sessionStorage.setItem('request', JSON.stringify({ url, resource, issuer, clientId, redirectUri, verifier, state, tokenEndpoint: server.token_endpoint }))
  const challenge = base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
  location.assign(`${server.authorization_endpoint}?${new URLSearchParams({
    response_type: 'code',
client_id: clientId,
redirect_uri: redirectUri,
state,
resource,
    scope: parameterOf(refused, 'scope') ?? '',
code_challenge: challenge,
code_challenge_method: 'S256'
  })}`)
}

/** From the authorization response to the call. */
async function finish (parameters) {
  const { url, resource, issuer, clientId, redirectUri, verifier, state, tokenEndpoint } = JSON.parse(sessionStorage.getItem('request'))
  // RFC 9207
  if (parameters.get('state') !== state || parameters.get('iss') !== issuer) throw new Error('the response is not for this request')
  const { access_token: token } = await json(tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code: parameters.get('code'), client_id: clientId, redirect_uri: redirectUri, code_verifier: verifier, resource
    })
  })
  const answer = await call(url, { token })
  const insufficient = await call(url, { token, tool: 'create_project', parameters: { name: 'From a page' } })
  return { status: answer.status, body: await answer.text(), next: { status: insufficient.status, scope: parameterOf(insufficient, 'scope') } }
}

function show (result) {
  const element = document.createElement('pre')
  element.id = 'result'
  element.textContent = JSON.stringify(result)
  document.body.append(element)
}

const parameters = new URLSearchParams(location.search)
try {
  if (location.pathname === '/callback') show(await finish(parameters))
  else await begin(parameters.get('url'))
} catch (error) {
  show({ error: String(error) })
}
