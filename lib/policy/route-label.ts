/** What logs, events and messages call a route: method and pattern, as in `GET /projects/:id`. */
export function routeLabel (method: string | readonly string[], pattern: string): string {
  return `${String(method)} ${pattern}`
}
