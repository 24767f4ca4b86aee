import type { Clock } from '#shared/clock.ts'
import { route } from '#shared/http/route.ts'

/** GET /hello → 200 {message, time}: the function is alive; no session, no database. */
export function hello(clock: Clock) {
  return route({
    method: 'GET',
    path: '/hello',
    async handle({ invocation }) {
      return {
        data: {
          message: 'Hello from Xiaohan 小函',
          platform: invocation.platform,
          time: new Date(clock()).toISOString(),
        },
      }
    },
  })
}
