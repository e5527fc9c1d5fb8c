/** Oracle: what SslPrincipalMapper of Kafka 4.1.0 answered to the same rules and subjects, on Java 17. */
import { expect, test } from 'vitest'
import { principalRules } from './principal-rules.ts'

const subjects = [
  'CN=duke,OU=ServiceUsers,O=Org,C=US', 'CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US', 'cn=duke,ou=sme,o=mycp,l=fulton,st=md,c=us', 'OU=JavaSoft,O=Sun Microsystems', 'CN=duke',
  'CN=du/ke,O=x',
]
const [service, sme, low, soft, duke, slash] = subjects as [string, string, string, string, string, string]

test.each<[string, (string | null)[]]>([
  ['DEFAULT', subjects],
  ['  DEFAULT  ', subjects],
  [',DEFAULT', subjects],
  ['DEFAULT,RULE:.*/x/', subjects],
  ['RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L, RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U, DEFAULT',
    ['duke', 'duke@sme', 'DUKE', soft, 'DUKE', 'DU']],
  ['RULE:^CN=(.*?),.*$/$1/', ['duke', 'Duke', null, null, null, 'du/ke']],
  ['RULE:^CN=(.*?),.*$/$1/L', ['duke', 'duke', null, null, null, 'du/ke']],
  ['RULE:CN=([^,]+),OU=([^,]+).*/$2-$1-$3-$0-\\$x/,DEFAULT', [`ServiceUsers-duke-$3-${service}-$x`, `SME-Duke-$3-${sme}-$x`, low, soft, duke, slash]],
  ['RULE:.*(du\\/ke|duke).*/a\\/b $1/U', ['A/B DUKE', null, 'A/B DUKE', null, 'A/B DUKE', 'A/B DU/KE']],
  ['RULE:^CN=(.*?)$/x$1/ , RULE:^CN=(\\w+).*/y$1/U', ['xduke,OU=ServiceUsers,O=Org,C=US', 'xDuke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US', null, null, 'xduke', 'xdu/ke,O=x']],
  ['RULE:(.)(.*)/$2$1/,DEFAULT', subjects.map((each) => each.slice(1) + each[0]!)],
  ['RULE:CN=duke/x/', [null, null, null, null, 'x', null]],
  ['RULE:CN=(.*),OU=.*/$1/L,', ['duke', 'duke', null, null, null, null]],
])('%s names as Kafka does', (rules, names) => {
  const nameOf = principalRules(rules)
  expect(subjects.map((subject) => nameOf(subject))).toEqual(names)
})

test.each(['', ' ', 'nonsense', 'DEFAULT/L', 'RULE:a/b', 'RULE:.*/x/X', 'RULE:^CN=(.*$/x/', 'RULE:.*/x/L;DEFAULT', 'RULE://x/,DEFAULT', 'RULE:[^/]*/x/L'])('%j is refused', (rules) => {
  expect(() => principalRules(rules)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }) as Error)
})
