export const HELP = `Usage: npm run invoke -- <function> <path> [options]
       npm run invoke -- <function> --timer
       npm run invoke -- fire <thing>      has something happen outside, as a payment; fire --help lists what
       npm run invoke -- shop              what the local cloud's shop was told

Calls a function of the local cloud. <path> is what stands below /api/v1, such as /user or "/users?limit=2".

  -X, --method <method>    GET, or POST with --data
  -d, --data <json>|@file  the body; sent as application/json
  -H, --header <name: value>   a further header, as often as needed
  -i, --include            show the answer's headers
      --url <url>          where the API is                        (of the local cloud that runs, else http://127.0.0.1:9000)
      --timer              fire the function's timer now, and show what came of it
      --data-folder <dir>  the local cloud's, with its secrets and these sessions   (.dev)

Who calls
      --login <name>       sign in as dev-<name>; the session is kept in .dev/sessions.json and refreshed
      --token <token>      an access token of your own
      --as-partner <kid>   a partner with its key of PARTNER_KEYS (environment, or .dev/secrets.env);
                           the partner's name alone takes its first key
      --sign               sign the request with the session's key (partners always sign)
      --user-key           with --login: sign in anew, and sign with WeChat's own user key in the session's place
      --wechat-url <url>   where the WeChat stand-in is, which --user-key asks   (that of the local cloud)
      --webhook            with --as-partner: sign as Standard Webhooks do

What to see
      --show               the text that is signed
      --replay             send the very same signed request again, and show both answers
      --times <n>          n calls, one line each: status and limits
      --no-fail            exit with 0 whatever the status is

The body goes to standard output, everything else to standard error, so that a pipe gets the JSON alone. The exit code
is 0, 1 when the (first) answer's status is 400 or above, 2 when there was no answer.`
