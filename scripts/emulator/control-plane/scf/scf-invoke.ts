import * as v from 'valibot'
import { CloudFailure } from '#scripts/emulator/cloud-failure.ts'
import { scfCloud } from '#scripts/emulator/clouds/scf.ts'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import type { PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import type { Fields } from '#scripts/emulator/control-plane/world.ts'
import type { FunctionSpec } from '#scripts/functions.ts'

const Invocation = v.object({
  FunctionName: v.string(),
  Qualifier: v.optional(v.string()),
  ClientContext: v.optional(
    v.pipe(
      v.string(),
      v.parseJson(),
      v.transform((event) => JSON.stringify(event)),
    ),
  ),
  Event: v.optional(
    v.pipe(
      v.string(),
      v.parseJson(),
      v.transform((event) => JSON.stringify(event)),
    ),
  ),
  InvocationType: v.optional(v.picklist(['RequestResponse', 'Event']), 'RequestResponse'),
  LogType: v.optional(v.picklist(['None', 'Tail']), 'None'),
})

/** Calls a function with an event, as `Invoke` and `InvokeFunction` do; web functions take none. */
export async function invoke(
  body: Fields,
  requestId: string,
  { deployments, runner }: PlaneParts,
  qualifier: string,
): Promise<Fields> {
  const read = v.parse(Invocation, body)
  const { FunctionName: name } = read
  if (deployments.find(name).latest.fields['Type'] === 'HTTP')
    throw new ApiRefusal('invalid', 'a web function takes requests at its URL and no invocations')
  const event = read.ClientContext ?? read.Event ?? '{}'
  const from = runner.logs(name).length
  const fromMs = performance.now()
  const sent = runner.send(name, read.Qualifier ?? qualifier, (spec, cloud) => {
    const { target, headers } = cloud.timerEvent(spec, { requestId, name: '', time: '' })
    const { 'x-scf-trigger-src': _, ...own } = headers
    return { target, headers: own, body: Buffer.from(event) }
  })
  if (read.InvocationType === 'Event') {
    sent.catch(() => {}) // it is in the function's log
    return { Result: { FunctionRequestId: requestId, InvokeResult: 0 } }
  }
  const outcome = await sent.then(
    ({ status, body: answer }) => ({ text: answer.toString(), code: status === 200 ? 0 : status }),
    (error: unknown) => failed(error, requestId, name),
  )
  const lines = runner.logs(name).slice(from)
  return {
    Result: {
      FunctionRequestId: requestId,
      InvokeResult: outcome.code === 0 ? 0 : -1,
      RetMsg: outcome.code === 0 ? outcome.text : '',
      ErrMsg: outcome.code === 0 ? '' : outcome.text,
      Log:
        read.LogType === 'Tail'
          ? lines
              .map(({ text }) => `${text}\n`)
              .join('')
              .slice(-4_096)
          : '',
      Duration: performance.now() - fromMs,
      BillDuration: Math.ceil(performance.now() - fromMs),
      MemUsage: 0,
    },
  }
}

/** What the platform says of a function that did not answer. */
function failed(error: unknown, requestId: string, name: string) {
  if (!(error instanceof CloudFailure)) throw error
  const spec = { name, timeoutS: 0 } as FunctionSpec // all that its messages tell of
  const { status, body } = scfCloud.failure(error.failure, { requestId, spec, port: error.port })
  return { text: body, code: status }
}
