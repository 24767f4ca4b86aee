import type { App } from '#shared/http/app.ts'

/** Takes requests only: says what it saw, or gives back what it got. */
export default {
  name: 'plain',
  async fetch(request, { clientIp }) {
    const { method, url, headers } = request
    if (new URL(url).pathname === '/echo') {
      const answer = new Response(await request.arrayBuffer(), { headers: { 'content-type': 'image/png' } })
      for (const cookie of ['a=1', 'b=2']) answer.headers.append('set-cookie', cookie)
      return answer
    }
    if (new URL(url).pathname !== '/see') return new Response('no such path', { status: 404 })
    const platformHeaders = [...headers.keys()].filter((name) => /^x-(?:fc|scf)-/.test(name))
    return Response.json({ method, url, body: await request.text(), clientIp, platformHeaders })
  },
} satisfies App
