/** A token endpoint in a process of its own. */
import { report, serve } from './server-process.js'

let serial = 0
report({
  port: await serve((request, response) => {
    request.resume().once('end', () => {
      const serialNumber = serial++
      response.setHeader('content-type', 'application/json').end(JSON.stringify({
        access_token: `access-${serialNumber}`, token_type: 'Bearer', expires_in: 7200, refresh_token: `refresh-${serialNumber}`
      }))
    })
  })
})
