//! GraphQL requests in JSON: their queries formatted, their variables beside them.

import { parse, print } from "graphql";

export interface GraphqlRequest {
  operation: string | null;
  query: string;
  /** JSON, pretty; null without. */
  variables: string | null;
  /** Why the query is shown as it was sent. */
  error: string | null;
}

/** The requests of a body: one, a batch, or a bare query. */
export function graphqlRequests(text: string, json: boolean): GraphqlRequest[] {
  const format = (query: string): Pick<GraphqlRequest, "query" | "error"> => {
    try {
      return { query: print(parse(query, { maxTokens: 100_000 })), error: null };
    } catch (error) {
      return { query, error: error instanceof Error ? error.message : String(error) };
    }
  };
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (json) return [{ operation: null, query: text, variables: null, error: `The body is no JSON: ${error instanceof Error ? error.message : ""}` }];
  }
  if (value === null || typeof value !== "object") return [{ operation: null, variables: null, ...format(text) }];
  return (Array.isArray(value) ? value : [value]).slice(0, 200).flatMap((one: unknown): GraphqlRequest[] => {
    if (one === null || typeof one !== "object") return [];
    const { query, variables, operationName } = one as Record<string, unknown>;
    const some = variables !== null && variables !== undefined ? JSON.stringify(variables, null, 2) : null;
    const formatted = typeof query === "string" ? format(query) : { query: "", error: "It has no query: a persisted one, known to the server by its hash." };
    return [{ operation: typeof operationName === "string" ? operationName : null, variables: some, ...formatted }];
  });
}

/** All of them as one text for the view. */
export function graphqlText(requests: GraphqlRequest[]): string {
  return requests
    .map(({ operation, query, variables, error }) => [
      ...(operation ? [`# operation ${operation}`] : []),
      ...(error ? [`# ${error.replace(/\s*\n\s*/g, " ")}`] : []),
      query,
      ...(variables && variables !== "{}" ? ["", "# variables", variables] : []),
    ].join("\n"))
    .join("\n\n");
}
