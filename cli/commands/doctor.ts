/** `azds doctor`: what is well, what is not, why, and what to do. */
import { SYSTEM_NAMESPACE } from '../../core/names.ts'
import { type Command, EXIT_FAILED, EXIT_OK, textFlag } from '../command.ts'
import { GROUPS } from '../doctor/groups.ts'
import { findingText, groupText, jsonReport, summaryText } from '../doctor/render.ts'
import { hasFailed, runChecks } from '../doctor/run.ts'
import { factsFor } from '../install/perform.ts'
import { json, outputFlag, painter } from '../output.ts'
import { refuseNoSpace } from '../spaces.ts'

export const doctor: Command = {
  words: ['doctor'],
  summary: 'Check the cluster, the installation and the spaces',
  description: [
    'Runs checks in groups: √ is well, ‼ a warning, × wrong, ? what you have no right to look at, - what there is\nnothing to look at. Each that is not well says why, what to do next, and where to read more. Nothing is\nchanged; the pod with which admission is tried is never made.',
    'Ends with 1 if anything is wrong; warnings are not.',
  ],
  args: [],
  flags: [
    { name: 'pre', doc: 'Only what has to hold before an installation.' },
    {
      name: 'space',
      value: 'SPACE',
      doc: 'Where admission is tried; default: the first space. With --for developer nothing of other spaces is looked at.',
    },
    {
      name: 'for',
      value: 'WHO',
      choices: ['admin', 'developer'],
      doc: 'developer: without what only an admin can look at and act on; default admin.',
    },
    outputFlag('text', 'json'),
  ],
  examples: [
    ['azds doctor', 'everything'],
    ['azds doctor --pre', 'whether azds may be installed here'],
    ['azds doctor --for developer --space alice', 'what concerns your space'],
    ['azds doctor -o json', 'for a monitor'],
  ],
  async run(invocation, world) {
    const space = textFlag(invocation, 'space') ?? null
    const developer = textFlag(invocation, 'for') === 'developer'
    if (space !== null) await refuseNoSpace(world.cluster(), space)
    const asJson = invocation.flags['output'] === 'json'
    const paint = painter(world.colour)
    let shown = ''
    const findings = await runChecks(
      GROUPS,
      factsFor(world, SYSTEM_NAMESPACE, { space, onlySpace: developer }),
      {
        pre: invocation.flags['pre'] === true,
        developer,
        onFinding: (finding) => {
          // Why a check was left out has been told where it came up.
          if (asJson || (finding.outcome.result === 'skipped' && finding.outcome.blocked)) return
          if (finding.group !== shown) {
            world.out(`${shown === '' ? '' : '\n'}${groupText(finding.group, paint)}`)
          }
          shown = finding.group
          world.out(findingText(finding, paint))
        },
      },
    )
    if (asJson) world.out(json(jsonReport(findings)))
    else world.out(`\n${summaryText(findings, paint)}`)
    return hasFailed(findings) ? EXIT_FAILED : EXIT_OK
  },
}
