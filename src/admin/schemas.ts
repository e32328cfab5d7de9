/** Shapes that several routes share, and the ways to say them in a route's schema. */
import type { FastifyTypeProvider } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Type } from 'typebox';
import { PROBLEM_TYPE } from './problems.ts';

/** Lets handlers see the types of what their TypeBox schemas let in. What they answer is checked by the tests. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  serializer: unknown;
}

export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What went wrong, in one line.' }),
    hint: Type.Optional(Type.String({ description: 'What to do about it.' })),
    faults: Type.Optional(Type.Array(Type.String())),
    'violated-policies': Type.Optional(Type.Array(Type.String(), { description: 'Names of the limits that refused.' })),
  },
  { $id: 'Problem', description: 'Problem details, RFC 9457.' },
);

const PROBLEMS = {
  400: 'The request is not one that this route understands.',
  401: 'The bearer token is missing or wrong.',
  403: 'Refused as a browser’s cross-site request, or for a Host that is not this machine’s.',
  404: 'There is no such limit.',
  409: 'This instance is not set up for it.',
  413: 'The body is too large.',
  415: 'The body is of another media type.',
  422: 'The new configuration has faults; the old one stays in force.',
  429: 'A limit refuses the request.',
  500: 'A defect in Sluice; its log says more.',
  503: 'Not now: the store cannot be asked, or the gateway is not ready.',
} as const;

/** Response entries for problems: the given ones, and those that every route can answer with. Needs the schema {@link Problem} added. */
export function problems(...codes: readonly (keyof typeof PROBLEMS)[]) {
  return Object.fromEntries(
    [403 as const, 500 as const, ...codes].map((code) => [
      code,
      { description: PROBLEMS[code], content: { [PROBLEM_TYPE]: { schema: { $ref: 'Problem#' } } } },
    ]),
  );
}

/** A response entry of a media type of its own. */
export function content(description: string, mediaType: string, schema: TSchema) {
  return { description, content: { [mediaType]: { schema } } };
}

/** For routes that ask for no token. */
export const PUBLIC = { security: [] };

/** For routes that the dashboard page asks as well, see security.ts. */
export const PAGE = { security: [{ token: [] }, { page: [] }, {}] };

export const LimitName = Type.String({ description: 'Name of a limit.', maxLength: 512 });
export const Sharing = Type.Union([
  Type.Literal('local'),
  Type.Literal('redis'),
  Type.Literal('mesh'),
  Type.Literal('gossip'),
  Type.Literal('leader'),
  Type.Literal('random-leaders'),
]);
export const Mode = Type.Union([Type.Literal('enforce'), Type.Literal('shadow')]);
export const OnFailure = Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('local')]);
const Algorithm = Type.Union([
  Type.Literal('sliding-window'),
  Type.Literal('fixed-window'),
  Type.Literal('token-bucket'),
  Type.Literal('concurrency'),
]);

export const LimitSummary = Type.Object({
  name: LimitName,
  key: Type.Array(Type.String(), { description: 'Parts of the key; a|b is the first one present.' }),
  rates: Type.Array(Type.String(), { description: 'count/window; all must hold. Empty for concurrency.' }),
  max: Type.Optional(Type.Integer({ description: 'concurrency only: most in flight at once.' })),
  algorithm: Algorithm,
  sharing: Sharing,
  mode: Mode,
  onFailure: OnFailure,
  overrides: Type.Integer({ description: 'How many overrides it has.' }),
  routes: Type.Array(Type.String(), { description: 'Routes that use it.' }),
});
