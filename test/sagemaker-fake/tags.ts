import type { FamilyMaker, Tag } from './world.ts'

/** Tags of all resources, by ARN. */
export const tags: FamilyMaker = ({ tags }) => ({
  service: 'sagemaker',
  operations: {
    ListTags: ({ ResourceArn }) => ({ Tags: tags.get(ResourceArn) ?? [] }),
    AddTags({ ResourceArn, Tags }: { ResourceArn: string; Tags: Tag[] }) {
      const others = (tags.get(ResourceArn) ?? []).filter(({ Key }) => !Tags.some((each) => each.Key === Key))
      tags.set(ResourceArn, [...others, ...Tags])
      return { Tags: tags.get(ResourceArn) }
    },
    DeleteTags({ ResourceArn, TagKeys }: { ResourceArn: string; TagKeys: string[] }) {
      tags.set(
        ResourceArn,
        (tags.get(ResourceArn) ?? []).filter(({ Key }) => !TagKeys.includes(Key)),
      )
      return {}
    },
  },
})
