"""LangChain's create_agent, and a ToolNode in a graph of one's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from protomesh import ProtoMesh
from protomesh.langgraph import ProtoMeshMiddleware, tool_node_wrappers

from . import Rig, Script, Told


class ScriptedChat(BaseChatModel):
    """Says what the script says."""

    script: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> ScriptedChat:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        read = read_by(messages)
        step = self.script(read)
        if isinstance(step, str):
            message = AIMessage(content=step)
        else:
            calls = [
                {"name": name, "args": args, "id": f"call-{len(read)}-{number}", "type": "tool_call"}
                for number, (name, args) in enumerate(step)
            ]
            message = AIMessage(content="", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


def read_by(messages: Sequence[BaseMessage]) -> list[str]:
    """The results of tools."""
    return [str(message.content) for message in messages if isinstance(message, ToolMessage)]


def tool_of(function: Callable[..., Any]) -> BaseTool:
    """A tool of LangChain."""
    if inspect.iscoroutinefunction(function):
        return StructuredTool.from_function(coroutine=function, name=function.__name__)
    return StructuredTool.from_function(func=function, name=function.__name__)


def node_graph(node: ToolNode, script: Script, **options: Any) -> Any:
    """A graph of a model and a node of tools."""
    graph = StateGraph(MessagesState)
    model = ScriptedChat(script=script)

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph.add_node("think", think)
    graph.add_node("tools", node)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "think")
    return graph.compile(**options)


class AgentRig:
    """create_agent with the middleware."""

    def __init__(self, name: str, is_async: bool) -> None:
        self.name = name
        self.is_main = is_async
        self.is_async = is_async
        self.can_cancel = is_async
        self.is_parallel = True

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        agent = create_agent(
            ScriptedChat(script=script),
            [tool_of(function) for function in functions],
            middleware=[ProtoMeshMiddleware(mesh, rules)],
        )
        given: Any = {"messages": [("user", "go")]}
        state = await agent.ainvoke(given) if self.is_async else await asyncio.to_thread(agent.invoke, given)
        return told(state)


class NodeRig:
    """The same two callables in a ToolNode."""

    name = "toolnode"
    is_main = False
    is_async = True
    can_cancel = True
    is_parallel = True

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        node = ToolNode([tool_of(function) for function in functions], **tool_node_wrappers(mesh, rules))
        return told(await node_graph(node, script).ainvoke({"messages": [("user", "go")]}))


def told(state: Mapping[str, Any]) -> Told:
    """From the final state."""
    messages = state["messages"]
    return Told(read=read_by(messages), answer=str(messages[-1].content))


def model_of(script: Script) -> ScriptedChat:
    """For a snippet."""
    return ScriptedChat(script=script)


RIGS: dict[str, Rig] = {
    "langgraph": AgentRig("langgraph", True),
    "langgraph_sync": AgentRig("langgraph_sync", False),
    "toolnode": NodeRig(),
}
