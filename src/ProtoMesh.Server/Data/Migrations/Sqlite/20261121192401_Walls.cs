using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ProtoMesh.Server.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Walls : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "webhook_deliveries",
                type: "TEXT",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "key_changes",
                type: "TEXT",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "namespace",
                table: "approval_votes",
                type: "TEXT",
                nullable: false,
                defaultValue: "");

            // What is there already belongs where its key, its approval or what it tells of belongs.
            migrationBuilder.Sql("UPDATE key_changes SET \"namespace\" = coalesce((SELECT k.\"namespace\" FROM keys k WHERE k.key_id = key_changes.key_id), '');");
            migrationBuilder.Sql("UPDATE approval_votes SET \"namespace\" = coalesce((SELECT a.\"namespace\" FROM approvals a WHERE a.approval_id = approval_votes.approval_id), '');");
            migrationBuilder.Sql("UPDATE webhook_deliveries SET \"namespace\" = coalesce(json_extract(body, '$.data.namespace'), '');");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
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
