// ws on Node, as its documentation broadcasts; each message is encoded once.
const { WebSocketServer } = require(`${process.env.PEERS}/node_modules/ws`);

let number = 0;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 });
server.on("listening", () => console.log(`http://127.0.0.1:${server.address().port}`));
server.on("connection", (client) => {
  let username = "Guest";
  client.on("message", (text) => {
    const event = JSON.parse(text);
    if (event.event === "join") {
      username = event.username;
    } else if (event.event === "send_message") {
      const frame = Buffer.from(
        JSON.stringify({
          event: "receive_message",
          id: ++number,
          at: Date.now(),
          username: event.username ?? username,
          role: "guest",
          message: event.message,
          client_message_id: event.client_message_id,
        }),
      );
      for (const each of server.clients) each.send(frame, { binary: false });
    }
  });
  client.send('{"event":"presence","online":1}');
});
