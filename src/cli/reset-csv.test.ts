import { expect, test } from 'vitest'
import { csvLine, parsePlan } from './reset-csv.ts'

/** As kafka-consumer-groups of 4.1 wrote them with --export, group by group. */
const written = [
  'a;b,t1,0,3', 'a/b,t1,0,3', '-x,t2,0,2', 'grüppe,t1,0,3', 'x23456789012345678901234,t1,0,3', '"x234567890123456789012345",t1,0,3', '"my group",x_2345678901234567890123,0,0',
  '"my group","x_23456789012345678901234",0,0', '"a!b",t1,0,3', '"a\\b",t1,0,3', '" lead",t1,0,3', '"tab\tx",t1,0,3', '"#x",t1,0,3', '"a,b",t1,0,3', '"new\nline",t1,0,3', '"a*b",t1,0,3',
  '"a+b",t1,0,3', '"a\'b",t1,0,3', '"quo""te",t2,0,2',
]

test('what Kafka\'s tool writes is read, and written again as it was', () => {
  const plan = parsePlan('plan.csv', `${written.join('\n')}\n\n`)
  expect(plan.map(({ group, topic, partition, offset }) => csvLine([group!, topic, partition, offset]))).toEqual(written)
  expect(plan.map(({ group }) => group)).toEqual([
    'a;b', 'a/b', '-x', 'grüppe', 'x23456789012345678901234', 'x234567890123456789012345', 'my group', 'my group',
    'a!b', 'a\\b', ' lead', 'tab\tx', '#x', 'a,b', 'new\nline', 'a*b', 'a+b', 'a\'b', 'quo"te',
  ])
})

test('a plan of one group, from another system: carriage returns, blanks, a byte order mark, no last line end', () => {
  expect(parsePlan('plan.csv', '\uFEFForders,0,7\r\n\r\n orders , 12 ,"9007199254740991"')).toEqual([
    { line: 1, group: null, topic: 'orders', partition: 0, offset: 7 }, { line: 3, group: null, topic: 'orders', partition: 12, offset: Number.MAX_SAFE_INTEGER },
  ])
})

test('every bad line is named', () => {
  const text = 'g,t,0,1\nt,0,1\ng,t,x,1\ng,t,0,-1\n\n,t,0,1\ng,,0,1\ng,t,0,1e3\n"two\nlines",t,0,9007199254740992\ng,t,2147483648,0\ng,"t,0,1\n"x"y,t,0,1\n'
  expect(() => parsePlan('plan.csv', text)).toThrow([
    '--from-file plan.csv: nothing was changed',
    '  line 2: 3 fields in place of group,topic,partition,offset',
    '  line 3: the partition is a whole number from 0, not "x"',
    '  line 4: the offset is a whole number from 0, not "-1"',
    '  line 6: the group is empty',
    '  line 7: the topic is empty',
    '  line 8: the offset is a whole number from 0, not "1e3"',
    '  line 9: the offset is a whole number from 0, not "9007199254740992"',
    '  line 11: the partition is a whole number from 0, not "2147483648"',
    '  line 12: a quote in "\\"t" is not closed, or stands within a field that is not quoted',
    '  line 13: a quote in "\\"x\\"y" is not closed, or stands within a field that is not quoted',
  ].join('\n'))
})

test.each([
  ['', 'holds no offsets: write topic,partition,offset on each line'],
  ['\n\r\n \n', 'holds no offsets'],
  ['GROUP TOPIC\n', 'line 1: one field in place of topic,partition,offset or group,topic,partition,offset'],
  ['topic,partition,offset\nt,0,1\n', 'line 1: the partition is a whole number from 0, not "partition"'],
  ['x\n'.repeat(25), 'and 5 more'],
])('%j is no plan', (text, message) => {
  expect(() => parsePlan('plan.csv', text)).toThrow(message)
})
