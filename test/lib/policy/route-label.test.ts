import { test } from 'tap'
import { routeLabel } from '../../../lib/policy/route-label.ts'

test('a route is its method, or its methods, and its pattern', async t => {
  t.equal(routeLabel('GET', '/projects/:id'), 'GET /projects/:id')
  t.equal(routeLabel(['GET', 'HEAD'], ''), 'GET,HEAD ')
})
