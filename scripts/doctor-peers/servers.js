/**
 * What a server is made from. `origin` is that of a web page which may call it.
 *
 * @typedef {{ resource: string, issuer: string, issuerMetadata: Record<string, unknown>, origin: string }} Given
 * @typedef {(given: Given) => Promise<import('node:http').RequestListener>} CreateServer
 */

const repeated = 'Node.js puts the first of two `Authorization` headers into `request.headers`, which the package reads. An application can count them in `request.rawHeaders`.'

const ofMcpSdk = {
  'challenge-no-error': 'The middleware sends the same error with and without a token, and has no option for it.',
  'document-caching': 'The router sends no `Cache-Control`. An application can add it in a middleware before the router.',
  'repeated-authorization': repeated
}

const ofBetterAuth = {
  'invalid-token-error': 'RFC 6750 section 3 says SHOULD. The package has no option for it; an application can add the parameter to the response.',
  'dpop-challenge': '`getProtectedResourceMetadata` announces the algorithms, and the challenge to a request without a token is Bearer alone. An application can leave `dpop_signing_alg_values_supported` out of the document, or add a challenge.',
  'repeated-authorization': repeated
}

/**
 * The servers, in the order of the page. The resource of an MCP server is the URL of its endpoint, that of an API its origin.
 * `about` says how it is set up, and `notes` whose part the checks are that do not hold, by their ids.
 */
export const servers = [
  {
    file: 'this-package',
    name: 'This package (API)',
    packages: ['fastify'],
    isMcp: false,
    isOurs: true,
    about: "One route with a scope; the options of the quick start, and `dpop: 'allowed'`.",
    notes: {}
  },
  {
    file: 'express-oauth2-jwt-bearer',
    name: 'Auth0 (API)',
    title: 'express-oauth2-jwt-bearer of Auth0 (API)',
    packages: ['express-oauth2-jwt-bearer', 'express'],
    isMcp: false,
    about: '`auth()` before every route, with `strict: true`, and `requiredScopes()` at the route.',
    notes: {
      'challenge-pointer': 'The package has no feature for RFC 9728. An application can add the parameter in its error handler.',
      'document-found': 'An application can serve a document of its own, before `auth()`. The checks that are about the document could not be made.',
      'query-token': 'The package reads tokens from the query and from forms, which RFC 6750 sections 2.2 and 2.3 describe. It has no option against it.',
      'repeated-authorization': repeated
    }
  },
  {
    file: 'better-auth',
    name: 'better-auth (API)',
    packages: ['@better-auth/oauth-provider', 'better-auth', 'express'],
    isMcp: false,
    about: '`verifyAccessTokenRequest` of the resource client with `typ: "at+jwt"`. `getProtectedResourceMetadata` makes the document, which the application serves; the application also turns the errors into responses.',
    notes: ofBetterAuth
  },
  {
    file: 'this-package-mcp',
    name: 'This package (MCP)',
    packages: ['fastify', '@modelcontextprotocol/server', '@modelcontextprotocol/node'],
    isMcp: true,
    isOurs: true,
    about: "One tool with a scope; the options of the quick start, and `dpop: 'allowed'`.",
    notes: {}
  },
  {
    file: 'mcp-sdk-1',
    name: 'MCP SDK 1',
    packages: ['@modelcontextprotocol/sdk', 'express', 'jose'],
    isMcp: true,
    about: '`createMcpExpressApp`, `mcpAuthMetadataRouter`, and `requireBearerAuth` with `expectedResource`. The application writes the verifier: here it is `jwtVerify` of jose with issuer, audience and `typ`, so that signatures and audiences are checked says nothing about the SDK.',
    notes: {
      ...ofMcpSdk,
      'document-head': 'The router allows GET and OPTIONS.'
    }
  },
  {
    file: 'mcp-sdk-2',
    name: 'MCP SDK 2',
    packages: ['@modelcontextprotocol/server', '@modelcontextprotocol/express', '@modelcontextprotocol/node', 'express', 'jose'],
    isMcp: true,
    about: '`createMcpExpressApp` with `allowedHosts` and `allowedOrigins`, `mcpAuthMetadataRouter`, and `requireBearerAuth` with `expectedResource`. The verifier is that of SDK 1.',
    notes: {
      ...ofMcpSdk,
      'document-head': 'The router of `@modelcontextprotocol/express` allows GET and OPTIONS. `oauthMetadataResponse` of `@modelcontextprotocol/server`, for servers without Express, answers HEAD too.'
    }
  },
  {
    file: 'better-auth-mcp',
    name: 'better-auth (MCP)',
    packages: ['@better-auth/mcp', '@better-auth/oauth-provider', 'better-auth', '@modelcontextprotocol/server', 'express'],
    isMcp: true,
    about: '`createMcpProtectedRequestHandler`, which the documentation names for a server apart from the authorization server, with `typ: "at+jwt"`. The document is made as for the API.',
    notes: ofBetterAuth
  }
]
