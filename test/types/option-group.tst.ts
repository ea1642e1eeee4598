import { expect, test } from 'tstyche'
import { anyFunction, text, texts } from '../../lib/options/common-schemas.ts'
import { optionGroup } from '../../lib/options/option-group.ts'
import { Type } from '../../lib/options/type.ts'

interface Options {
  name: string
  tags?: readonly string[]
  check?: (value: string) => boolean
  kind?: 'a' | 'b'
}

const group = optionGroup<Options>()
const tags = Type.Optional(texts)
const check = Type.Optional(anyFunction)
const kind = Type.Optional(Type.Enum(['a', 'b']))

test('schema and public type of a group of options cannot differ', () => {
  expect(group).type.toBeCallableWith({ name: text, tags, check, kind })
  expect(group).type.not.toBeCallableWith({ name: text, tags, check })
  expect(group).type.not.toBeCallableWith({ name: text, tags, check, kind, other: text })
  expect(group).type.not.toBeCallableWith({ name: Type.Optional(text), tags, check, kind })
  expect(group).type.not.toBeCallableWith({ name: text, tags: texts, check, kind })
  expect(group).type.not.toBeCallableWith({ name: Type.Integer(), tags, check, kind })
  expect(group).type.not.toBeCallableWith({ name: text, tags, check, kind: Type.Optional(Type.Enum(['a'])) })
})
