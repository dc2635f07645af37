"""Alerts: rules over figures, feeds and points, judged at every refresh of the boards; who is told, once, and when.

`judge` looks (frames and rules -> findings), `machine` remembers (findings and states -> states and events), `telling`
says who is due a message; none of them opens anything or knows a clock. `engine` keeps the states in the control store,
`courier` sends what its outbox holds.
"""
