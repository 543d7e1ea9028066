using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Approvals;

/// <summary>Makes the examples fit the service that shows them: with keys nobody names himself, the key does.</summary>
internal sealed class ApproverExamples(KeyRing ring) : IOpenApiOperationTransformer
{
    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (ring.Mode == AccessMode.Keys && operation.Tags?.Any(tag => tag.Name == "Approvals") == true)
        {
            foreach (var example in operation.RequestBody?.Content?.Values.SelectMany(media => media.Examples?.Values ?? []) ?? [])
            {
                ((example as OpenApiExample)?.Value as JsonObject)?.Remove("approver");
            }
        }

        return Task.CompletedTask;
    }
}
