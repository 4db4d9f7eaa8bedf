// Bun's own WebSocket server, and its publish.
let number = 0;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (server.upgrade(request, { data: { username: "Guest" } })) return;
    return new Response("a WebSocket, please", { status: 426 });
  },
  websocket: {
    // What a client does not read is kept for it: dropped, the measurement would end.
    backpressureLimit: 1 << 30,
    open(client) {
      client.subscribe("room");
      client.send('{"event":"presence","online":1}');
    },
    message(client, text) {
      const event = JSON.parse(text);
      if (event.event === "join") {
        client.data.username = event.username;
      } else if (event.event === "send_message") {
        server.publish(
          "room",
          JSON.stringify({
            event: "receive_message",
            id: ++number,
            at: Date.now(),
            username: event.username ?? client.data.username,
            role: "guest",
            message: event.message,
            client_message_id: event.client_message_id,
          }),
        );
      }
    },
  },
});
console.log(`http://127.0.0.1:${server.port}`);
