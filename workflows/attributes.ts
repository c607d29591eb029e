import { defineSearchAttributeKey } from '@temporalio/common'

/** What runs can be found by in Temporal's web UI and in queries; workers register them at start. */
export const attributes = {
  pipeline: defineSearchAttributeKey('SlipwayPipeline', 'KEYWORD'),
  model: defineSearchAttributeKey('SlipwayModel', 'KEYWORD'),
  stage: defineSearchAttributeKey('SlipwayStage', 'KEYWORD'),
  commit: defineSearchAttributeKey('SlipwayCommit', 'KEYWORD'),
  verdict: defineSearchAttributeKey('SlipwayVerdict', 'KEYWORD'),
} as const
