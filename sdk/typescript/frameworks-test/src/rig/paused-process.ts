// The second half of a run that people had to approve, in a process of its own: node paused-process.js REST. It prints as
// JSON what the model was shown of its calls.
import { ProtoMesh } from "@protomesh/sdk";
import { goOn, type Rest } from "./pauses.js";

const rest = JSON.parse(process.argv[2]!) as Rest;
const mesh = new ProtoMesh({ baseUrls: rest.url, agentId: rest.agentId, namespace: rest.namespace });
console.log(JSON.stringify(await goOn(mesh, rest)));
await mesh.close();
