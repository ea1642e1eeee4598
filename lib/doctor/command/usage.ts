/** The command was called in a way that it does not have. Exit code 2. */
export class UsageError extends Error {}

export const help = `fastify-oauth-resource-server check <url> [options]
fastify-oauth-resource-server explain <url> [options]
fastify-oauth-resource-server explain --config <file> [options]

check     Checks a live OAuth 2.0 resource server or MCP server, as a strict client sees it. <url> is that of a protected
          route. It works with every server and sends nothing that changes anything.
explain   Reads an access token from standard input and says which check refuses it, and the line of configuration that
          would accept it. The token is not shown, not logged, and sent only to an introspection endpoint that is configured.

Both:
  --json                one JSON document on standard output
  --resource <id>       the resource identifier, where it is not the beginning of <url>
  --timeout <seconds>   limit for one response (10)
  --allow-host <host>   a host in a private network that documents may lead to; can be repeated
  --insecure-ca <file>  certificates of authorities in PEM, trusted beside those of Node.js
  --quiet               no progress on standard error
  --help, --version

check:
  --token -             reads an access token from standard input, and checks that it is accepted, or refused if it is for
                        another resource. It is sent to <url> only
  --method GET|POST     the method of the route (GET, or POST where GET is not served)
  --mcp, --no-mcp       whether <url> is an MCP endpoint (where its path or its answer says so)
  --origin <origin>     a web page that should be able to call the API (https://client.example)
  --strict              recommended checks count, and those that could not be completed
  --verbose             lists what holds, with what was sent and what came

explain:
  --config <file>       JSON, or a module that exports the options of the plugin or an app (default, options or app). Without
                        it, the issuers are those of the metadata document at <url>, with default settings

Exit code: 0 all is well, 1 a check does not hold or the token is refused, 2 the check could not be made.
Colours: on a terminal, and not with NO_COLOR.
`
