import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'

export const descriptions: RouteDescriptions = {
  'GET /callback/wechat-message': {
    summary: 'WeChat asks whether the URL is ours; answered with echostr as plain text',
    auth: 'none',
    answers: {},
    errors: ['signature_invalid', 'clock_skew'],
  },
  'POST /callback/wechat-message': {
    summary:
      'WeChat pushes a message or an event, in JSON or XML; answered with success as plain text, or with a reply in the form of the push',
    auth: 'none',
    answers: {},
    errors: ['signature_invalid', 'clock_skew', 'payload_too_large', 'idempotency_mismatch'],
  },
  'POST /callback/wechat-pay': {
    summary: 'WeChat Pay tells of a payment; answered in its own form',
    auth: 'none',
    answers: { 204: v.null() },
    errors: ['signature_invalid', 'clock_skew', 'not_found', 'idempotency_mismatch'],
  },
  'POST /callback/{partner}': {
    summary: 'A partner tells of what it did; signed with its key, by X-Signature or as a Standard Webhook',
    auth: 'none',
    answers: { 204: v.null() },
    errors: ['signature_invalid', 'clock_skew', 'request_replayed', 'not_found', 'idempotency_mismatch'],
  },
}
