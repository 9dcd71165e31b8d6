"""Order only: the entry of one stage (``flows.stage``) and the parent flow of the chain (``flows.chain``)."""
