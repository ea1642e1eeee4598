import { setTimeout as wait } from 'node:timers/promises'
import type { CallToolResult, ElicitRequestFormParams, ServerContext } from '@modelcontextprotocol/server'
import { McpServer, ResourceTemplate, completable, fromJsonSchema } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** A picture of one pixel, and a sound of no length. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

const image = { type: 'image', data: png, mimeType: 'image/png' } as const

const simpleTools: Record<string, { description: string, content: CallToolResult['content'] }> = {
  test_simple_text: { description: 'Answers with text', content: [{ type: 'text', text: 'This is a simple text response for testing.' }] },
  test_image_content: { description: 'Answers with a picture', content: [image] },
  test_audio_content: { description: 'Answers with a sound', content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] },
  test_embedded_resource: {
    description: 'Answers with a resource',
    content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }]
  },
  test_multiple_content_types: {
    description: 'Answers with several things',
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' } }
    ]
  }
}

const forms: Record<string, ElicitRequestFormParams> = {
  test_elicitation_sep1034_defaults: {
    message: 'Please confirm',
    requestedSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true }
      }
    }
  },
  test_elicitation_sep1330_enums: {
    message: 'Please choose',
    requestedSchema: {
      type: 'object',
      properties: {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: titled('value', 'Choice') } }
      }
    }
  }
}

function titled (value: string, title: string): Array<{ const: string, title: string }> {
  return ['First', 'Second', 'Third'].map((nth, index) => ({ const: `${value}${index + 1}`, title: `${nth} ${title}` }))
}

/** Every tool, for the declaration of what each needs. */
export const toolNames: readonly string[] = [
  ...Object.keys(simpleTools), ...Object.keys(forms), 'test_tool_with_logging', 'test_error_handling', 'test_tool_with_progress',
  'test_sampling', 'test_elicitation', 'test_reconnection', 'json_schema_2020_12_tool'
]

/** The tools, prompts and resources that the MCP conformance suite looks for. */
export function createFixtureServer (): McpServer {
  const server = new McpServer({ name: 'conformance', version: '1.0.0' }, {
    capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {}, completions: {} }
  })
  addTools(server)
  addToolsThatAsk(server)
  addPrompts(server)
  addResources(server)
  return server
}

function addTools (server: McpServer): void {
  for (const [name, { description, content }] of Object.entries(simpleTools)) {
    server.registerTool(name, { description }, () => ({ content }))
  }
  server.registerTool('test_error_handling', { description: 'Fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  server.registerTool('test_tool_with_logging', { description: 'Logs while it works' }, async context => {
    await context.mcpReq.log('info', 'Tool execution started')
    await wait(50)
    await context.mcpReq.log('info', 'Tool processing data')
    await wait(50)
    await context.mcpReq.log('info', 'Tool execution completed')
    return text('done')
  })
  server.registerTool('test_tool_with_progress', { description: 'Says how far it is' }, async context => {
    const progressToken = context.mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      }
      await wait(50)
    }
    return text('done')
  })
  server.registerTool('test_reconnection', { description: 'Closes its stream; the answer is for who comes back' }, async context => {
    await wait(50)
    context.http?.closeSSE?.()
    await wait(100)
    return text('Reconnected')
  })
  server.registerTool('json_schema_2020_12_tool', {
    description: 'Tool with JSON Schema 2020-12 features',
    inputSchema: fromJsonSchema({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false
    })
  }, () => text('done'))
}

function addToolsThatAsk (server: McpServer): void {
  server.registerTool('test_sampling', {
    description: 'Asks the model of the client', inputSchema: z.object({ prompt: z.string() })
  }, async ({ prompt }, context) => {
    const { content } = await context.mcpReq.requestSampling({
      messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100
    })
    return text(`LLM response: ${JSON.stringify(content)}`)
  })
  server.registerTool('test_elicitation', {
    description: 'Asks the user', inputSchema: z.object({ message: z.string() })
  }, async ({ message }, context) => text(`User response: ${await ask(context, {
    message,
    requestedSchema: {
      type: 'object',
      properties: { username: { type: 'string', description: 'User\'s response' }, email: { type: 'string', description: 'User\'s email address' } },
      required: ['username', 'email']
    }
  })}`))
  for (const [name, form] of Object.entries(forms)) {
    server.registerTool(name, { description: form.message }, async context => text(`Elicitation completed: ${await ask(context, form)}`))
  }
}

async function ask (context: ServerContext, form: ElicitRequestFormParams): Promise<string> {
  const { action, content } = await context.mcpReq.elicitInput(form)
  return `action=${action}, content=${JSON.stringify(content)}`
}

function addPrompts (server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Without arguments' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'This is a simple prompt for testing.' } }]
  }))
  server.registerPrompt('test_prompt_with_arguments', {
    description: 'With arguments',
    argsSchema: z.object({ arg1: completable(z.string(), value => ['paris', 'park', 'test1'].filter(one => one.startsWith(value))), arg2: z.string() })
  }, ({ arg1, arg2 }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` } }]
  }))
  server.registerPrompt('test_prompt_with_embedded_resource', {
    description: 'With a resource', argsSchema: z.object({ resourceUri: z.string() })
  }, ({ resourceUri }) => ({
    messages: [
      { role: 'user', content: { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } } },
      { role: 'user', content: { type: 'text', text: 'Please process the embedded resource above.' } }
    ]
  }))
  server.registerPrompt('test_prompt_with_image', { description: 'With a picture' }, () => ({
    messages: [{ role: 'user', content: image }, { role: 'user', content: { type: 'text', text: 'Please analyze the image above.' } }]
  }))
}

function addResources (server: McpServer): void {
  server.registerResource('static-text', 'test://static-text', { mimeType: 'text/plain' }, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }]
  }))
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'image/png', blob: png }]
  }))
  server.registerResource('watched', 'test://watched-resource', { mimeType: 'text/plain' }, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: 'Watched' }]
  }))
  server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), { mimeType: 'application/json' },
    ({ href }, { id }) => ({
      contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }) }]
    }))
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
}

function text (value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}
