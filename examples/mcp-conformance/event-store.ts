import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

/** The events of one session, for clients that come back for those they missed. */
export function createEventStore (): EventStore {
  const events: Array<{ id: string, streamId: string, message: JSONRPCMessage }> = []
  return {
    async storeEvent (streamId, message) {
      const id = String(events.length + 1)
      events.push({ id, streamId, message })
      return id
    },
    async getStreamIdForEventId (eventId) {
      return events.find(({ id }) => id === eventId)?.streamId
    },
    async replayEventsAfter (lastEventId, { send }) {
      const index = events.findIndex(({ id }) => id === lastEventId)
      const { streamId } = events[index]!
      for (const { id, streamId: stream, message } of events.slice(index + 1)) {
        // An event without content opens a stream, and needs no repetition.
        if (stream === streamId && Object.keys(message).length > 0) await send(id, message)
      }
      return streamId
    }
  }
}
