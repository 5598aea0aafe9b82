/** Answers POST, PUT, PATCH and DELETE. */
import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed, notFound } from './api-error.ts'
import type { User, WriteOptions } from './caller.ts'
import { readDeleteOptions } from './deletion.ts'
import { requireEvictable } from './disruption.ts'
import { sendJson } from './http-answer.ts'
import { listObjects } from './list.ts'
import { type ApiObject, isObject, valueAt } from './object.ts'
import type { ObjectRef, Objects } from './objects.ts'
import { applyPatch } from './patch.ts'
import type { Exchange } from './reads.ts'
import { formOf, renderList, renderObject } from './representation.ts'
import { mediaTypeOf, readBody } from './request-body.ts'
import type { Target } from './request-path.ts'
import { apiVersionOf } from './resources.ts'
import { answerReview, type Rights } from './reviews.ts'
import { scaleOf, withScale } from './scale.ts'
import { answerTokenRequest } from './token-request.ts'
import type { Tokens } from './tokens.ts'

export interface WriteContext {
  objects: Objects
  tokens: Tokens
  /** Null where rights are off. */
  rights: Rights | null
  user: User
}

/** Reads how a write is to be done from its query; `warnings` collects what the caller is told. */
export function writeOptionsOf(
  request: IncomingMessage,
  query: URLSearchParams,
  user: User,
  warnings: string[],
): WriteOptions {
  const validation = query.get('fieldValidation') || 'Warn'
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') {
    throw badRequest(`fieldValidation=${validation}: it must be Strict, Warn or Ignore`)
  }
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  if (dryRun.some((value) => value !== 'All')) {
    throw badRequest(`dryRun=${dryRun.join(',')}: it must be All`)
  }
  const agent = request.headers['user-agent'] ?? ''
  return {
    user,
    manager: query.get('fieldManager') || agent.split('/')[0] || 'unknown',
    dryRun: dryRun.length > 0,
    fieldValidation: validation,
    warnings,
  }
}

/** Parts of an object that are written like one; the others are done, not stored. */
const REPLACEABLE = new Set(['ephemeralcontainers', 'finalize', 'scale', 'status'])

export async function answerWrite(
  context: WriteContext,
  target: Target,
  exchange: Exchange,
  options: WriteOptions,
): Promise<void> {
  const { request, query } = exchange
  const replaces = request.method === 'PUT' || request.method === 'PATCH'
  if (replaces && target.subresource && !REPLACEABLE.has(target.subresource)) {
    throw methodNotAllowed()
  }
  const mediaType = mediaTypeOf(request)
  const body = await readBody(request, mediaType)
  switch (request.method) {
    case 'POST':
      return post(context, target, exchange, body, options)
    case 'PUT':
      return put(context, target, exchange, body, options)
    case 'PATCH': {
      const force = ['true', '1'].includes(query.get('force') ?? '')
      return patch(context, target, exchange, { mediaType, body, force }, options)
    }
    case 'DELETE':
      return remove(context, target, exchange, body, options)
    default:
      throw methodNotAllowed()
  }
}

function answer(
  { objects }: WriteContext,
  { request, response, query }: Exchange,
  object: ApiObject,
  { warnings }: WriteOptions,
  status = 200,
): void {
  const form = formOf(request.headers.accept ?? '', query)
  sendJson(response, renderObject(object, form, objects.now()), { status, warnings })
}

async function post(
  context: WriteContext,
  { resource, namespace, name, subresource }: Target,
  exchange: Exchange,
  body: unknown,
  options: WriteOptions,
): Promise<void> {
  const { objects, tokens, user, rights } = context
  if (!isObject(body)) throw badRequest('the body must be an object')
  if (resource.createOnly) {
    if (resource.kind === 'Binding') throw methodNotAllowed()
    const review = answerReview(resource, body, { user, tokens, rights, namespace })
    sendJson(exchange.response, review, { status: 201 })
    return
  }
  if (!name) {
    const created = await objects.create({ resource, namespace }, body, options)
    answer(context, exchange, created, options, 201)
    return
  }
  const ref = { resource, namespace, name }
  if (subresource === 'token') {
    const answered = answerTokenRequest(objects, tokens, ref, body)
    sendJson(exchange.response, answered, { status: 201 })
    return
  }
  if (subresource === 'eviction') {
    requireEvictable(objects.store, objects.get(ref))
    const deletion = valueAt(body, ['deleteOptions']) ?? {}
    await objects.remove(ref, readDeleteOptions(deletion, exchange.query), options)
    sendJson(
      exchange.response,
      { kind: 'Status', apiVersion: 'v1', status: 'Success', code: 201 },
      {
        status: 201,
      },
    )
    return
  }
  throw methodNotAllowed()
}

async function put(
  context: WriteContext,
  target: Target,
  exchange: Exchange,
  body: unknown,
  options: WriteOptions,
): Promise<void> {
  const { objects } = context
  const { resource, namespace, name, subresource } = target
  if (!name) throw methodNotAllowed()
  const ref: ObjectRef = { resource, namespace, name, subresource }
  if (subresource === 'scale') {
    if (!isObject(body)) throw badRequest('the body must be a Scale')
    const scaled = await objects.update(
      { ...ref, subresource: null },
      (live) => withScale(live, body),
      options,
    )
    answer(context, exchange, scaleOf(scaled), options)
    return
  }
  if (!objects.find(ref)) throw notFound(resource, name)
  answer(context, exchange, await objects.replace(mainOf(ref), body, options), options)
}

/** `finalize` and `ephemeralcontainers` are writes of the whole object here. */
function mainOf(ref: ObjectRef): ObjectRef {
  return ref.subresource === 'status' ? ref : { ...ref, subresource: null }
}

async function patch(
  context: WriteContext,
  { resource, namespace, name, subresource }: Target,
  exchange: Exchange,
  change: { mediaType: string; body: unknown; force: boolean },
  options: WriteOptions,
): Promise<void> {
  const { objects } = context
  if (!name) throw methodNotAllowed()
  const ref: ObjectRef = { resource, namespace, name, subresource }
  if (subresource === 'scale') {
    // A Scale has no lists: a strategic merge patch and a merge patch are the same.
    const type = change.mediaType.replace('strategic-merge', 'merge')
    const scaled = await objects.update(
      { ...ref, subresource: null },
      (live) => withScale(live, applyPatch(type, scaleOf(live), change.body, null)),
      options,
    )
    answer(context, exchange, scaleOf(scaled), options)
    return
  }
  const isNew = !objects.find(ref)
  const patched = await objects.patch(mainOf(ref), change, options)
  answer(context, exchange, patched, options, isNew ? 201 : 200)
}

async function remove(
  context: WriteContext,
  { resource, namespace, name, subresource }: Target,
  exchange: Exchange,
  body: unknown,
  options: WriteOptions,
): Promise<void> {
  const { objects } = context
  const { request, response, query } = exchange
  if (subresource) throw methodNotAllowed()
  const deletion = readDeleteOptions(body, query)
  if (name) {
    const { object, gone } = await objects.remove({ resource, namespace, name }, deletion, options)
    if (!gone || resource.kind === 'Pod') return answer(context, exchange, object, options)
    const details = {
      name,
      ...(resource.group && { group: resource.group }),
      kind: resource.plural,
      uid: object.metadata.uid,
    }
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
    return sendJson(response, status, { warnings: options.warnings })
  }
  const list = listObjects(objects.store, resource, namespace, query)
  const items: ApiObject[] = []
  for (const { metadata } of list.items) {
    const ref = { resource, namespace: metadata.namespace ?? null, name: metadata.name }
    if (objects.find(ref)) items.push((await objects.remove(ref, deletion, options)).object)
  }
  const form = formOf(request.headers.accept ?? '', query)
  const deleted = { ...list, apiVersion: apiVersionOf(resource), items }
  sendJson(response, renderList(deleted, form, objects.now()), { warnings: options.warnings })
}
