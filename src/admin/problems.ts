/** Errors as problem details (RFC 9457): one line for people, stable fields for programs, never a stack trace. */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem {
  readonly status: number;
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** Several faults at once. */
  readonly faults?: readonly string[] | undefined;
}

/** Thrown by a route to answer with a problem. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

export function problemBody(problem: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[problem.status] ?? 'Error', ...problem });
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(problemBody(problem));
}
