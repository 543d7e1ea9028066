using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ProtoMesh.Server.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Walls : Migration
    {
        private static readonly string[] Walled =
        [
            "approval_grants", "approval_votes", "approvals", "budget_ledger", "decisions", "journal_event_resources", "journal_events", "key_changes", "keys", "namespaces",
            "policy_activations", "policy_versions", "webhook_deliveries",
        ];

        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "webhook_deliveries",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "key_changes",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "approval_votes",
                type: "text",
                nullable: false,
                defaultValue: "");

            // What is there already belongs where its key, its approval or what it tells of belongs.
            migrationBuilder.Sql("UPDATE key_changes SET \"namespace\" = coalesce((SELECT k.\"namespace\" FROM keys k WHERE k.key_id = key_changes.key_id), '');");
            migrationBuilder.Sql("UPDATE approval_votes SET \"namespace\" = coalesce((SELECT a.\"namespace\" FROM approvals a WHERE a.approval_id = approval_votes.approval_id), '');");
            // By its place: PostgreSQL's JSON refuses a \u0000, which an agent may have sent.
            migrationBuilder.Sql(
                """UPDATE webhook_deliveries SET "namespace" = coalesce(substring(body from '^[{]"type":"[^"]*","timestamp":"[^"]*","data":[{]"[a-z]+_id":"[^"]*","namespace":"([a-z0-9-]+)"'), '');""");

            foreach (var table in Walled)
            {
                RowSecurity.Enable(migrationBuilder, table);
            }
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            foreach (var table in Walled)
            {
                RowSecurity.Disable(migrationBuilder, table);
            }

            migrationBuilder.DropColumn(
                name: "namespace",
                table: "webhook_deliveries");

            migrationBuilder.DropColumn(
                name: "namespace",
                table: "key_changes");

            migrationBuilder.DropColumn(
                name: "namespace",
                table: "approval_votes");
        }
    }
}
