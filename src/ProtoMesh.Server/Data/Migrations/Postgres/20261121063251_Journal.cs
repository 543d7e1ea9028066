using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ProtoMesh.Server.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Journal : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "journal_cursors",
                columns: table => new
                {
                    partition = table.Column<int>(type: "integer", nullable: false),
                    store_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    counter = table.Column<long>(type: "bigint", nullable: false),
                    max_token = table.Column<long>(type: "bigint", nullable: false),
                    updated_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_journal_cursors", x => x.partition);
                });

            migrationBuilder.CreateTable(
                name: "journal_events",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false),
                    partition = table.Column<int>(type: "integer", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    counter = table.Column<long>(type: "bigint", nullable: false),
                    type = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    @namespace = table.Column<string>(name: "namespace", type: "text", nullable: false),
                    resource = table.Column<string>(type: "text", nullable: true),
                    lock_id = table.Column<string>(type: "text", nullable: true),
                    request_id = table.Column<string>(type: "text", nullable: true),
                    agent_id = table.Column<string>(type: "text", nullable: true),
                    session_id = table.Column<string>(type: "text", nullable: true),
                    fencing_token = table.Column<long>(type: "bigint", nullable: true),
                    cause = table.Column<string>(type: "text", nullable: true),
                    data = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_journal_events", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "journal_ids",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    next_id = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_journal_ids", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "journal_event_resources",
                columns: table => new
                {
                    event_id = table.Column<long>(type: "bigint", nullable: false),
                    @namespace = table.Column<string>(name: "namespace", type: "text", nullable: false),
                    resource = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_journal_event_resources", x => new { x.event_id, x.@namespace, x.resource });
                    table.ForeignKey(
                        name: "fk_journal_event_resources_journal_events",
                        column: x => x.event_id,
                        principalTable: "journal_events",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.InsertData(
                table: "journal_ids",
                columns: new[] { "id", "next_id" },
                values: new object[] { 1, 1L });

            migrationBuilder.CreateIndex(
                name: "ix_journal_event_resources_namespace_resource_event_id",
                table: "journal_event_resources",
                columns: new[] { "namespace", "resource", "event_id" });

            migrationBuilder.CreateIndex(
                name: "ix_journal_events_agent_id_id",
                table: "journal_events",
                columns: new[] { "agent_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_journal_events_namespace_resource_id",
                table: "journal_events",
                columns: new[] { "namespace", "resource", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_journal_events_partition_epoch_counter",
                table: "journal_events",
                columns: new[] { "partition", "epoch", "counter" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_journal_events_type_id",
                table: "journal_events",
                columns: new[] { "type", "id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "journal_cursors");

            migrationBuilder.DropTable(
                name: "journal_event_resources");

            migrationBuilder.DropTable(
                name: "journal_ids");

            migrationBuilder.DropTable(
                name: "journal_events");
        }
    }
}
