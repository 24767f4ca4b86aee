import { CloudFailure } from '#scripts/emulator/cloud-failure.ts'
import { type ApiCall, headerOf } from '#scripts/emulator/control-plane/api-call.ts'
import type { ApiAnswer, PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import { fcCloud } from '#scripts/emulator/clouds/fc.ts'
import type { FunctionSpec } from '#scripts/functions.ts'

const TAIL_BYTES = 4 * 1024

/** Calls a function with the event that is the call's body, as InvokeFunction of both versions of FC does. */
export async function invoke(
  call: ApiCall,
  requestId: string,
  { runner }: PlaneParts,
  { name, qualifier }: { readonly name: string; readonly qualifier: string },
): Promise<ApiAnswer> {
  const isAsync = headerOf(call, 'x-fc-invocation-type').toLowerCase() === 'async'
  const from = runner.logs(name).length
  const sent = runner.send(name, qualifier, (spec, cloud) => {
    const { target, headers } = cloud.timerEvent(spec, { requestId, name: '', time: '' })
    return { target, headers, body: call.body }
  })
  if (isAsync) {
    sent.catch(() => {}) // it is in the function's log
    return { status: 202 }
  }
  try {
    const { status, headers, body, version } = await sent
    const failed = status !== 200 || headers['x-fc-status'] === '404'
    return {
      status: 200,
      headers: {
        'content-type': String(headers['content-type'] ?? 'application/octet-stream'),
        'x-fc-invocation-service-version': version,
        ...(failed ? { 'x-fc-error-type': 'UnhandledInvocationError' } : {}),
        ...tail(
          call,
          runner
            .logs(name)
            .slice(from)
            .map(({ text }) => text),
        ),
      },
      body,
    }
  } catch (error) {
    if (!(error instanceof CloudFailure)) throw error
    const spec = { name, timeoutS: 0 } as FunctionSpec // all that its messages tell of
    const { status, headers, body } = fcCloud.failure(error.failure, { requestId, spec, port: error.port })
    const log = tail(
      call,
      runner
        .logs(name)
        .slice(from)
        .map(({ text }) => text),
    )
    return { status, headers: { ...headers, ...log }, body: Buffer.from(body) }
  }
}

function tail(call: ApiCall, lines: readonly string[]): Readonly<Record<string, string>> {
  if (headerOf(call, 'x-fc-log-type') !== 'Tail') return {}
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  return { 'x-fc-log-result': text.subarray(-TAIL_BYTES).toString('base64') }
}
