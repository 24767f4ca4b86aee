import * as v from 'valibot'
import { scfCloud } from '#scripts/emulator/clouds/scf.ts'
import type { RefusalReason } from '#scripts/emulator/control-plane/api-refusal.ts'
import type { Platform } from '#scripts/emulator/control-plane/platform.ts'
import { verifyTc3 } from '#scripts/emulator/control-plane/verify-tc3.ts'
import { answerScf, scfActionOf } from './scf-actions.ts'
import { cronOf, ZONE_HOURS } from './scf-changes.ts'

/** @see https://cloud.tencent.com/document/api/583/17244 */
const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  no_signature: 'AuthFailure.InvalidAuthorization',
  unknown_key: 'AuthFailure.SecretIdNotFound',
  wrong_signature: 'AuthFailure.SignatureFailure',
  skewed_time: 'AuthFailure.SignatureExpire',
  wrong_body_hash: 'AuthFailure.SignatureFailure',
  unknown_call: 'InvalidAction',
  invalid: 'InvalidParameterValue',
  throttled: 'RequestLimitExceeded',
  internal: 'InternalError',
  busy_function: 'FailedOperation.FunctionStatusError',
  function_missing: 'ResourceNotFound.Function',
  function_exists: 'ResourceInUse.Function',
  version_missing: 'ResourceNotFound.FunctionVersion',
  version_used: 'ResourceInUse',
  alias_missing: 'ResourceNotFound.Alias',
  alias_exists: 'ResourceInUse.Alias',
  trigger_missing: 'ResourceNotFound.Trigger',
  trigger_exists: 'ResourceInUse.Trigger',
  domain_missing: 'ResourceNotFound.CustomDomain',
  domain_exists: 'ResourceInUse.CustomDomain',
}

const Configuration = v.looseObject({
  Code: v.looseObject({ ImageConfig: v.looseObject({ ImageUri: v.string() }) }),
  Environment: v.optional(
    v.object({ Variables: v.optional(v.array(v.object({ Key: v.string(), Value: v.string() })), []) }),
    {},
  ),
  Timeout: v.optional(v.number(), 3),
  MemorySize: v.optional(v.number(), 128),
  InstanceConcurrencyConfig: v.optional(v.looseObject({ MaxConcurrency: v.optional(v.number(), 1) }), {}),
})

/** Tencent Cloud SCF, API version 2018-04-16. */
export const scfPlatform: Platform = {
  cloud: scfCloud,
  latest: '$LATEST',
  zoneHours: ZONE_HOURS,
  running(fields) {
    const read = v.parse(Configuration, fields)
    return {
      image: read.Code.ImageConfig.ImageUri,
      env: Object.fromEntries(read.Environment.Variables.map(({ Key, Value }) => [Key, Value])),
      timeoutS: read.Timeout,
      memoryMb: read.MemorySize,
      concurrency: read.InstanceConcurrencyConfig.MaxConcurrency,
    }
  },
  versionEnv: (version) => ({ SCF_FUNCTIONVERSION: version }),
  versionHeaders: (version) => ({ 'x-scf-version': version }),
  cronOf: ({ type, config }) => (type === 'timer' ? cronOf(config) : undefined),
  verify: verifyTc3,
  actionOf: scfActionOf,
  answer: answerScf,
  // SCF answers 200 to whatever it refuses.
  refusal: ({ reason, message }, requestId) => ({
    status: 200,
    body: { Response: { Error: { Code: REFUSALS[reason], Message: message }, RequestId: requestId } },
  }),
}
