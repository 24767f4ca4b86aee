import { readEnv } from '#shared/config/read-env.ts'
import type { App } from '#shared/http/app.ts'

if (process.env['MISTAKE'] !== undefined) throw new RangeError('a mistake of ours')

const { name } = readEnv(process.env, (read) => ({
  name: read.text('APP_NAME'),
  secret: read.secret('APP_SECRET'),
}))

export default { name, fetch: async () => new Response('never') } satisfies App
