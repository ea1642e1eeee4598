import { createProofKey, createTokens } from './support/issuer.js'
import { verify, createPublicKey } from 'node:crypto'
import { checks } from './support/in-process.js'
import { testIssuer } from './support/ours.js'
const uri='http://localhost:3000/'
const key = createProofKey()
const [token] = createTokens(testIssuer,'ES256',1,{cnf:{jkt:key.thumbprint}})
const pub=createPublicKey({key:key.jwk,format:'jwk'})
const k={dsaEncoding:'ieee-p1363',key:pub}
const N=200
const raw=t=>{const end=t.lastIndexOf('.');if(!verify('sha256',Buffer.from(t.slice(0,end)),k,Buffer.from(t.slice(end+1),'base64url')))throw 1}
const v=await checks.ours({dpop:'required'})()
const conn={}
const same=key.prove({method:'GET',uri,token})
const pres=proof=>({scheme:'DPoP',requirement:'required',method:'GET',targetUris:[uri],certificateThumbprint:null,proofs:[proof],provideNonce(){}})
const c={rawSame:()=>raw(same),rawDistinct:p=>raw(p),ours:p=>v(token,pres(p),conn)}
const res={}
for(let r=0;r<150;r++){
  const order=Object.entries(c);for(let i=0;i<r%3;i++)order.push(order.shift())
  for(const [n,f] of order){const ps=Array.from({length:N},()=>key.prove({method:'GET',uri,token}));
   await new Promise(r=>setImmediate(r))
   const t=process.hrtime.bigint();for(let i=0;i<N;i++){const a=f(ps[i]);if(a instanceof Promise)await a;if(i%4===0)await new Promise(r=>setImmediate(r))}
   ;(res[n]??=[]).push(Number(process.hrtime.bigint()-t)/N/1000)}}
for(const n in res){const s=res[n].slice(30).sort((a,b)=>a-b);console.log(n,s[0].toFixed(1),s[s.length*.05|0].toFixed(1),s[s.length>>1].toFixed(1))}
