/** Applies the patch formats that carry changes: JSON patch, merge patch, strategic merge patch. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import { ApiError, badRequest, unsupportedMediaType } from './api-error.ts'
import { isObject, type JsonObject } from './object.ts'
import { rootType } from './schema.ts'
import { strategicMerge } from './strategic-merge.ts'

/**
 * Returns a patched copy. Throws 400 or 422 for a patch that cannot be applied, 415 for another
 * format.
 * @param mediaType of the request, without parameters
 * @param type of the object, as the resource table has it
 */
export function applyPatch(
  mediaType: string,
  live: JsonObject,
  patch: unknown,
  type: string | null,
): JsonObject {
  switch (mediaType) {
    case 'application/json-patch+json':
      return applyJsonPatch(live, patch)
    case 'application/merge-patch+json':
      if (!isObject(patch)) throw badRequest('a merge patch must be an object')
      return mergePatch(live, patch)
    case 'application/strategic-merge-patch+json':
      // Custom resources have no merge keys; clients fall back to a merge patch.
      if (type === null) throw unsupportedMediaType(mediaType)
      if (!isObject(patch)) throw badRequest('a strategic merge patch must be an object')
      return strategicMerge(live, patch, rootType(type))
    default:
      throw unsupportedMediaType(mediaType)
  }
}

/** RFC 6902. */
export function applyJsonPatch(live: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be a list of operations')
  try {
    const copy = structuredClone(live)
    return jsonPatch.applyPatch(copy, patch as Operation[], true).newDocument
  } catch (error) {
    const [why] = (error as Error).message.split('\n')
    throw new ApiError(422, 'Invalid', `the server rejected our request: JSON patch: ${why}`)
  }
}

/** RFC 7396. */
function mergePatch(live: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...live }
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field]
    else if (isObject(value)) {
      const inner = result[field]
      result[field] = mergePatch(isObject(inner) ? inner : {}, value)
    } else result[field] = value
  }
  return result
}
