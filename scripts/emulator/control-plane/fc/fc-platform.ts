import * as v from 'valibot'
import { fcCloud } from '#scripts/emulator/clouds/fc.ts'
import type { ApiCall } from '#scripts/emulator/control-plane/api-call.ts'
import type { RefusalReason } from '#scripts/emulator/control-plane/api-refusal.ts'
import type { Platform } from '#scripts/emulator/control-plane/platform.ts'
import { verifyAcs3 } from '#scripts/emulator/control-plane/verify-acs3.ts'
import { TimerConfig } from './fc-changes.ts'
import { answerFc, fcActionOf } from './fc-routes.ts'
import { verifyFc2 } from './verify-fc2.ts'

/** @see https://www.alibabacloud.com/help/en/function-compute/latest/error-codes */
const REFUSALS: Readonly<Record<RefusalReason, readonly [status: number, code: string]>> = {
  no_signature: [400, 'MissingRequiredHeader'],
  unknown_key: [404, 'InvalidAccessKeyId.NotFound'],
  wrong_signature: [403, 'SignatureDoesNotMatch'],
  skewed_time: [400, 'InvalidTimeStamp.Expired'],
  wrong_body_hash: [403, 'SignatureDoesNotMatch'],
  unknown_call: [400, 'PathNotSupported'],
  invalid: [400, 'InvalidArgument'],
  throttled: [429, 'Throttling.User'],
  internal: [500, 'InternalServerError'],
  busy_function: [409, 'ConcurrentUpdateError'],
  function_missing: [404, 'FunctionNotFound'],
  function_exists: [409, 'FunctionAlreadyExists'],
  version_missing: [404, 'VersionNotFound'],
  version_used: [409, 'VersionInUse'],
  alias_missing: [404, 'AliasNotFound'],
  alias_exists: [409, 'AliasAlreadyExists'],
  trigger_missing: [404, 'TriggerNotFound'],
  trigger_exists: [409, 'TriggerAlreadyExists'],
  domain_missing: [404, 'DomainNameNotFound'],
  domain_exists: [409, 'DomainNameAlreadyExists'],
}

const Configuration = v.looseObject({
  customContainerConfig: v.looseObject({ image: v.string() }),
  environmentVariables: v.optional(v.record(v.string(), v.string()), {}),
  timeout: v.optional(v.number(), 3),
  memorySize: v.optional(v.number(), 512),
  instanceConcurrency: v.optional(v.number(), 1),
})

/** Function Compute 3.0, and invocations by the API of 2.0. */
export const fcPlatform: Platform = {
  cloud: fcCloud,
  latest: 'LATEST',
  zoneHours: 0,
  running(fields) {
    const read = v.parse(Configuration, fields)
    return {
      image: read.customContainerConfig.image,
      env: read.environmentVariables,
      timeoutS: read.timeout,
      memoryMb: read.memorySize,
      concurrency: read.instanceConcurrency,
    }
  },
  versionEnv: (version) => ({ FC_FUNCTION_VERSION: version }),
  versionHeaders: (version) => ({ 'x-fc-qualifier': version, 'x-fc-version-id': version }),
  cronOf: ({ type, config }) =>
    type === 'timer' ? v.parse(TimerConfig, JSON.parse(config)).cronExpression : undefined,
  verify: (call, credentials, nowMs) => (isFc2(call) ? verifyFc2 : verifyAcs3)(call, credentials, nowMs),
  actionOf: fcActionOf,
  answer: answerFc,
  refusal({ reason, message }, requestId, call) {
    const [status, code] = REFUSALS[reason]
    const body = isFc2(call)
      ? { ErrorCode: code, ErrorMessage: message }
      : { Code: code, Message: message, RequestId: requestId }
    return { status, body }
  },
}

function isFc2({ path }: ApiCall): boolean {
  return path.startsWith('/2016-08-15/')
}
