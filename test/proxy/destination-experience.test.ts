import { expect, test } from '@jest/globals'
import { DestinationExperience } from '../../proxy/destination-experience.ts'

test('what was seen of a destination last counts, whichever object names it', () => {
  const experience = new DestinationExperience()
  const at = (port: number) => ({ ip: '10.0.0.1', port })
  const [one, same, other] = [at(80), at(80), at(81)] as const
  const seen = () => [one, same, other].map((each) => experience.of(each))
  experience.note(one, 'http')
  expect(seen()).toEqual(['http', 'http', null])
  experience.note(other, 'greeting')
  expect(seen()).toEqual(['http', 'http', 'greeting'])
  experience.note(same, 'greeting')
  experience.note(one, 'greeting')
  expect(seen()).toEqual(['greeting', 'greeting', 'greeting'])
  experience.note(one, 'http')
  expect(seen()).toEqual(['http', 'http', 'greeting'])
})
