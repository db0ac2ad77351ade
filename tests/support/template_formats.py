"""Two chat templates that write the formats of Mistral's and Granite's models; TRL's wheel has none of these."""

MISTRAL = """\
{{- bos_token }}
{%- set system, turns = '', messages %}
{%- if messages[0].role == 'system' %}
{%- set system, turns = messages[0].content + '\\n\\n', messages[1:] %}
{%- endif %}
{%- set state = namespace(asked=0, last=0) %}
{%- for message in turns if message.role == 'user' %}{% set state.last = loop.length %}{% endfor %}
{%- for message in turns %}
{%- set is_result = message.role == 'tool' or message.tool_calls %}
{%- if not is_result and (message.role == 'user') != (state.asked % 2 == 0) %}
{{- raise_exception('user and assistant must take turns') }}
{%- endif %}
{%- set state.asked = state.asked + (0 if is_result else 1) %}
{%- if message.role == 'user' %}
{%- if tools and (state.asked + 1) // 2 == state.last %}
{{- '[AVAILABLE_TOOLS] ' + tools | tojson + '[/AVAILABLE_TOOLS]' }}
{%- endif %}
{{- '[INST] ' + (system if loop.last else '') + message.content + '[/INST]' }}
{%- elif message.tool_calls %}
{%- set calls = namespace(all=[]) %}
{%- for call in message.tool_calls %}
{%- if call.id | length != 9 %}{{ raise_exception('the id of a call has 9 characters') }}{% endif %}
{%- set calls.all = calls.all + [dict(call.function, id=call.id)] %}
{%- endfor %}
{{- '[TOOL_CALLS] ' + calls.all | tojson + eos_token }}
{%- elif message.role == 'assistant' %}
{{- ' ' + message.content | trim + eos_token }}
{%- elif message.role == 'tool' %}
{{- '[TOOL_RESULTS] ' + {'content': message.content, 'call_id': message.tool_call_id} | tojson + '[/TOOL_RESULTS]' }}
{%- endif %}
{%- endfor %}"""
"""No generation prompt, a system prompt only in front of a last question, roles in turn, ids of nine characters."""

GRANITE = """\
{%- macro turn(role, text) %}
{{- '<|start_of_role|>' + role + '<|end_of_role|>' + text + '<|end_of_text|>\\n' }}
{%- endmacro %}
{%- if messages[0].role != 'system' %}{{ turn('system', 'Today is ' + strftime_now('%B %d, %Y') + '.') }}{% endif %}
{%- if tools %}{{ turn('available_tools', tools | tojson(indent=4)) }}{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' and message.tool_calls %}
{%- set calls = message.tool_calls | map(attribute='function') | list | tojson %}
{{- turn('assistant', (message.content or '') + '<|tool_call|>' + calls) }}
{%- elif message.role == 'tool' %}
{{- turn('tool_response', message.content) }}
{%- else %}
{{- turn(message.role, message.content) }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"""
"""Calls as a JSON list behind the text of the turn, and a date where there is no system prompt."""
