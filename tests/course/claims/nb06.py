from claims import Claim

CLAIMS: list[Claim] = []
