type Fields = Readonly<Record<string, unknown>>

/** What a message is made from besides the fields that all have. */
export interface PushFacts {
  readonly openid: string
  readonly format: 'json' | 'xml'
}

const TEMPLATE_ID = 'VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc'

/** Events and messages that have fields of their own, and examples of these. */
export const EXAMPLES: Readonly<Record<string, (facts: PushFacts) => Fields>> = {
  user_authorization_revoke: ({ openid }) => ({ OpenID: openid, RevokeInfo: '8' }),
  user_authorization_cancellation: ({ openid }) => ({ OpenID: openid, RevokeInfo: '' }),
  user_info_modified: ({ openid }) => ({ OpenID: openid, RevokeInfo: '' }),
  subscribe_msg_popup_event: listed('SubscribeMsgPopupEvent', {
    TemplateId: TEMPLATE_ID,
    SubscribeStatusString: 'accept',
    PopupScene: '0',
  }),
  subscribe_msg_change_event: listed('SubscribeMsgChangeEvent', {
    TemplateId: TEMPLATE_ID,
    SubscribeStatusString: 'reject',
  }),
  subscribe_msg_sent_event: listed('SubscribeMsgSentEvent', {
    TemplateId: TEMPLATE_ID,
    MsgID: '1864323726461255680',
    ErrorCode: '0',
    ErrorStatus: 'success',
  }),
  wxa_media_check: () => ({
    trace_id: '60ae120f-371d5872-7941a05b',
    version: 2,
    errcode: 0,
    result: { suggest: 'pass', label: 100 },
  }),
  text: () => ({ MsgType: 'text', Content: '在吗', MsgId: String(Date.now()) }),
}

/** On top in JSON, in an element of its own in XML, as WeChat does it. */
function listed(element: string, item: Fields): (facts: PushFacts) => Fields {
  return ({ format }) => (format === 'json' ? { List: [item] } : { [element]: { List: item } })
}
